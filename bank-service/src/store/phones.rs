//! The `user_phones` table: verified telephone numbers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use shared_events::UserId;

use super::schema::user_phones;
use super::{Db, StoreError};
use crate::domain::phone::PhoneNumber;

pub fn find(db: &mut Db, user: UserId) -> Result<Option<PhoneNumber>, StoreError> {
    let number: Option<String> =
        user_phones::table.find(user.get()).select(user_phones::number).first(db).optional()?;
    let corrupt = |_| StoreError::Corrupt { what: "user_phones.number" };
    number.map(|number| PhoneNumber::parse(&number)).transpose().map_err(corrupt)
}

/// Sets a user's number, replacing the one before. [`StoreError::UniqueViolation`] if it is another user's.
pub fn set(db: &mut Db, user: UserId, number: &PhoneNumber, now: DateTime<Utc>) -> Result<(), StoreError> {
    delete_all(db, user)?;
    let row = (
        user_phones::user_id.eq(user.get()),
        user_phones::number.eq(number.as_str()),
        user_phones::verified_at.eq(now.naive_utc()),
    );
    diesel::insert_into(user_phones::table).values(row).execute(db)?;
    Ok(())
}

pub fn delete_all(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::delete(user_phones::table.filter(user_phones::user_id.eq(user.get()))).execute(db)?;
    Ok(())
}
