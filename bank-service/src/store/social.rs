//! The `social_logins` table.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use shared_events::UserId;

use super::schema::{social_logins, users};
use super::{Db, StoreError};
use crate::domain::email::Email;
use crate::domain::social::{Identity, Provider, SocialLogin};

type LoginRow = (i64, String, Option<String>, NaiveDateTime, Option<NaiveDateTime>);

/// The columns of [`LoginRow`].
macro_rules! columns {
    () => {
        (
            social_logins::user_id,
            social_logins::provider,
            social_logins::email,
            social_logins::linked_at,
            social_logins::last_used_at,
        )
    };
}

fn read((user_id, provider, email, linked_at, last_used_at): LoginRow) -> Result<SocialLogin, StoreError> {
    Ok(SocialLogin {
        user_id: UserId::try_new(user_id).map_err(|_| StoreError::Corrupt { what: "social_logins.user_id" })?,
        provider: provider.parse().map_err(|_| StoreError::Corrupt { what: "social_logins.provider" })?,
        email,
        linked_on: linked_at.and_utc(),
        last_used_on: last_used_at.map(|date| date.and_utc()),
    })
}

/// The login of an identity, of any user.
pub fn find(db: &mut Db, identity: &Identity) -> Result<Option<SocialLogin>, StoreError> {
    let row = social_logins::table.filter(social_logins::identity_key.eq(identity.key())).select(columns!());
    row.first(db).optional()?.map(read).transpose()
}

/// The logins of a user, the oldest first: at most one of each provider.
pub fn list(db: &mut Db, user: UserId) -> Result<Vec<SocialLogin>, StoreError> {
    let rows: Vec<LoginRow> = social_logins::table
        .filter(social_logins::user_id.eq(user.get()))
        .select(columns!())
        .order((social_logins::linked_at, social_logins::provider))
        .load(db)?;
    rows.into_iter().map(read).collect()
}

/// [`StoreError::UniqueViolation`] if the identity is taken, or the user has a login of this provider.
pub fn insert(
    db: &mut Db,
    user: UserId,
    provider: Provider,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = (
        social_logins::user_id.eq(user.get()),
        social_logins::provider.eq(provider.as_str()),
        social_logins::identity_key.eq(identity.key()),
        social_logins::issuer.eq(identity.issuer()),
        social_logins::subject.eq(identity.subject()),
        social_logins::email.eq(identity.email().map(Email::as_str)),
        social_logins::linked_at.eq(now.naive_utc()),
    );
    diesel::insert_into(social_logins::table).values(row).execute(db)?;
    Ok(())
}

/// Records a login by it.
pub fn touch(db: &mut Db, user: UserId, provider: Provider, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = social_logins::table.find((user.get(), provider.as_str()));
    diesel::update(row).set(social_logins::last_used_at.eq(now.naive_utc())).execute(db)?;
    Ok(())
}

/// False if the user has no such login.
pub fn delete(db: &mut Db, user: UserId, provider: Provider) -> Result<bool, StoreError> {
    Ok(diesel::delete(social_logins::table.find((user.get(), provider.as_str()))).execute(db)? == 1)
}

/// Removes all provider logins of a user; returns how many.
pub fn delete_all(db: &mut Db, user: UserId) -> Result<usize, StoreError> {
    Ok(diesel::delete(social_logins::table.filter(social_logins::user_id.eq(user.get()))).execute(db)?)
}

/// Serialises the transactions that change a user's ways to log in; false if the user does not exist.
pub fn lock_owner(db: &mut Db, user: UserId) -> Result<bool, StoreError> {
    let row = users::table.find(user.get());
    diesel::update(row).set(users::version.eq(users::version)).execute(db)?;
    let id: Option<i64> = row.select(users::id).first(db).optional()?;
    Ok(id.is_some())
}

/// Whether a user can log in with a password.
pub fn has_password(db: &mut Db, user: UserId) -> Result<bool, StoreError> {
    let row = users::table.find(user.get()).select(users::password_hash.is_not_null());
    Ok(row.first(db).optional()?.unwrap_or(false))
}
