//! The `signing_keys` table: token signing keys, their private halves sealed.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::schema::signing_keys;
use super::{Db, StoreError};

/// How many keys are read; older ones were deleted long before.
const MAX_KEYS: i64 = 100;

#[derive(Clone)]
pub struct StoredKey {
    pub kid: String,
    pub sealed_private_key: Vec<u8>,
    /// The public half as a JWK.
    pub public_key: Vec<u8>,
    pub created_on: DateTime<Utc>,
    /// The key is published before this time.
    pub signs_from: DateTime<Utc>,
    /// When it stops signing; this may be in the future.
    pub retired_on: Option<DateTime<Utc>>,
}

/// All keys, the newest first.
pub fn list(db: &mut Db) -> Result<Vec<StoredKey>, StoreError> {
    type Row = (String, Vec<u8>, Vec<u8>, NaiveDateTime, Option<NaiveDateTime>, Option<NaiveDateTime>);
    let newest_first = (signing_keys::created_at.desc(), signing_keys::kid.desc());
    let columns = (
        signing_keys::kid,
        signing_keys::sealed_private_key,
        signing_keys::public_key,
        signing_keys::created_at,
        signing_keys::signs_from,
        signing_keys::retired_at,
    );
    let rows: Vec<Row> = signing_keys::table.select(columns).order(newest_first).limit(MAX_KEYS).load(db)?;
    let read = |(kid, sealed_private_key, public_key, created_at, signs_from, retired_at): Row| StoredKey {
        kid,
        sealed_private_key,
        public_key,
        created_on: created_at.and_utc(),
        signs_from: signs_from.unwrap_or(created_at).and_utc(),
        retired_on: retired_at.map(|date| date.and_utc()),
    };
    Ok(rows.into_iter().map(read).collect())
}

pub fn insert(db: &mut Db, key: &StoredKey) -> Result<(), StoreError> {
    let row = (
        signing_keys::kid.eq(&key.kid),
        signing_keys::sealed_private_key.eq(&key.sealed_private_key),
        signing_keys::public_key.eq(&key.public_key),
        signing_keys::created_at.eq(key.created_on.naive_utc()),
        signing_keys::signs_from.eq(key.signs_from.naive_utc()),
        signing_keys::retired_at.eq(key.retired_on.map(|date| date.naive_utc())),
    );
    diesel::insert_into(signing_keys::table).values(row).execute(db)?;
    Ok(())
}

/// Sets when a key retires: of parallel callers, one gets true.
pub fn retire(db: &mut Db, kid: &str, on: DateTime<Utc>) -> Result<bool, StoreError> {
    let key = signing_keys::table.filter(signing_keys::kid.eq(kid)).filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(key).set(signing_keys::retired_at.eq(on.naive_utc())).execute(db)? == 1)
}

/// Sets it for every key that has no such time yet.
pub fn retire_all(db: &mut Db, on: DateTime<Utc>) -> Result<usize, StoreError> {
    let keys = signing_keys::table.filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(keys).set(signing_keys::retired_at.eq(on.naive_utc())).execute(db)?)
}

/// Deletes the keys that retired before a time; returns how many.
pub fn purge(db: &mut Db, before: DateTime<Utc>) -> Result<usize, StoreError> {
    let retired = signing_keys::table.filter(signing_keys::retired_at.lt(before.naive_utc()));
    Ok(diesel::delete(retired).execute(db)?)
}

/// Deletes every key: all tokens become invalid.
pub fn delete_all(db: &mut Db) -> Result<usize, StoreError> {
    Ok(diesel::delete(signing_keys::table).execute(db)?)
}
