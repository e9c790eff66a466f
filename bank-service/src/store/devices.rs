//! The `devices` table. A push token leaves it sealed, and to the push consumer only.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use shared_events::{DeviceId, UserId};

use super::schema::{devices, users};
use super::{Ctx, Db, StoreError};
use crate::domain::device::{Device, DeviceType, MAX_PER_USER};
use crate::domain::scope::Scope;

type Row = (i64, i64, String, String, Option<String>, NaiveDateTime);

/// The columns of [`Row`].
macro_rules! columns {
    () => {
        (
            devices::id,
            devices::user_id,
            devices::device_id,
            devices::device_type,
            devices::push_token_hash,
            devices::registered_on,
        )
    };
}

fn read(row: Row) -> Result<Device, StoreError> {
    let (id, user_id, device_id, device_type, push_token_hash, registered_on) = row;
    Ok(Device {
        id: DeviceId::try_new(id).map_err(|_| StoreError::Corrupt { what: "devices.id" })?,
        user_id: UserId::try_new(user_id).map_err(|_| StoreError::Corrupt { what: "devices.user_id" })?,
        device_id,
        device_type: DeviceType::parse(&device_type)
            .map_err(|_| StoreError::Corrupt { what: "devices.device_type" })?,
        has_push_token: push_token_hash.is_some(),
        registered_on: registered_on.and_utc(),
    })
}

/// Serialises the transactions that add devices to a user, on engines with parallel transactions.
pub fn lock_owner(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.get())).set(users::version.eq(users::version)).execute(db)?;
    Ok(())
}

/// The devices of a user, by id. The list has no pages: a user has few.
pub fn list(db: &mut Db, user: UserId) -> Result<Vec<Device>, StoreError> {
    let limit = i64::try_from(MAX_PER_USER).unwrap_or(i64::MAX);
    let rows = devices::table.filter(devices::user_id.eq(user.get())).order(devices::id).limit(limit);
    rows.select(columns!()).load::<Row>(db)?.into_iter().map(read).collect()
}

pub fn find(db: &mut Db, scope: Scope, id: DeviceId) -> Result<Option<Device>, StoreError> {
    let row: Option<Row> = devices::table.find(id.get()).select(columns!()).first(db).optional()?;
    let device = row.map(read).transpose()?;
    Ok(device.filter(|device| scope.covers(device.user_id)))
}

/// The sealed push token of a user's device, with its hash; none if the device has none.
pub fn sealed_push_token(db: &mut Db, user: UserId, id: i64) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let row = devices::table.find(id).filter(devices::user_id.eq(user.get()));
    let row: Option<(Option<Vec<u8>>, Option<String>)> =
        row.select((devices::sealed_push_token, devices::push_token_hash)).first(db).optional()?;
    Ok(row.and_then(|(sealed, hash)| sealed.zip(hash)))
}

/// A push token ready for the table.
pub struct SealedToken {
    pub sealed: Vec<u8>,
    pub hash: String,
}

/// Removes a push token from any device that has it.
pub fn take_push_token(db: &mut Db, hash: &str) -> Result<usize, StoreError> {
    let nothing = (devices::sealed_push_token.eq(None::<Vec<u8>>), devices::push_token_hash.eq(None::<String>));
    let holder = devices::table.filter(devices::push_token_hash.eq(hash));
    Ok(diesel::update(holder).set(nothing).execute(db)?)
}

/// [`StoreError::UniqueViolation`] if the token or the name is taken.
pub fn insert(db: &mut Db, ctx: &Ctx, device: &Device, token: &SealedToken) -> Result<(), StoreError> {
    let row = (
        devices::id.eq(device.id.get()),
        devices::user_id.eq(device.user_id.get()),
        devices::device_id.eq(&device.device_id),
        devices::device_type.eq(device.device_type.as_str()),
        devices::sealed_push_token.eq(&token.sealed),
        devices::push_token_hash.eq(&token.hash),
        devices::registered_on.eq(ctx.now_naive()),
    );
    diesel::insert_into(devices::table).values(row).execute(db)?;
    Ok(())
}

/// [`StoreError::UniqueViolation`] if the token is taken; false if the device is gone.
pub fn update(db: &mut Db, device: &Device, token: &SealedToken) -> Result<bool, StoreError> {
    let changes = (
        devices::device_type.eq(device.device_type.as_str()),
        devices::sealed_push_token.eq(Some(&token.sealed)),
        devices::push_token_hash.eq(Some(&token.hash)),
    );
    Ok(diesel::update(devices::table.find(device.id.get())).set(changes).execute(db)? == 1)
}

/// Deletes all devices of a user.
pub fn delete_all(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::delete(devices::table.filter(devices::user_id.eq(user.get()))).execute(db)?;
    Ok(())
}

/// False if the device is gone already.
pub fn delete(db: &mut Db, id: DeviceId) -> Result<bool, StoreError> {
    Ok(diesel::delete(devices::table.find(id.get())).execute(db)? == 1)
}

/// Deletes a device if it still has this token.
pub fn delete_with_token(db: &mut Db, id: i64, hash: &str) -> Result<bool, StoreError> {
    let row = devices::table.filter(devices::id.eq(id)).filter(devices::push_token_hash.eq(hash));
    Ok(diesel::delete(row).execute(db)? == 1)
}
