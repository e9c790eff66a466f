//! `Idempotency-Key`: the same key and body give the same answer, once.
//!
//! The answer is stored in the transaction that did the work, so there is no moment in which one exists without the other.
//! Keys are per caller and kept for 24 hours.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::schema::idempotency_keys::{self, dsl};
use super::{Ctx, Db, StoreError};

const KEPT_HOURS: i64 = 24;
/// How many expired keys one sweep removes.
const SWEEP: i64 = 500;

/// A key as a request gave it.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// Who sent it: a user, or nobody in particular.
    pub caller: String,
    pub key: String,
    /// A keyed hash of method, path and body, in hex digits: the body may hold a password.
    pub request_hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    #[error("the key was used for another request")]
    KeyReused,
}

/// The answer that this key was given before, if any.
pub(super) fn find<E: From<StoreError> + From<IdempotencyError>>(
    db: &mut Db,
    ctx: &Ctx,
    key: &IdempotencyKey,
) -> Result<Option<String>, E> {
    let row: Option<(String, String)> = dsl::idempotency_keys
        .find((&key.caller, &key.key))
        .filter(dsl::created_at.gt(oldest(ctx)))
        .select((dsl::request_hash, dsl::response))
        .first(db)
        .optional()
        .map_err(StoreError::from)?;
    match row {
        Some((hash, _)) if hash != key.request_hash => Err(IdempotencyError::KeyReused.into()),
        Some((_, response)) => Ok(Some(response)),
        None => Ok(None),
    }
}

pub(super) fn remember(db: &mut Db, ctx: &Ctx, key: &IdempotencyKey, response: &str) -> Result<(), StoreError> {
    let expired = dsl::idempotency_keys.find((&key.caller, &key.key)).filter(dsl::created_at.le(oldest(ctx)));
    diesel::delete(expired).execute(db)?;
    let row = (
        dsl::caller.eq(&key.caller),
        dsl::idempotency_key.eq(&key.key),
        dsl::request_hash.eq(&key.request_hash),
        dsl::response.eq(response),
        dsl::created_at.eq(ctx.now_naive()),
    );
    match diesel::insert_into(idempotency_keys::table).values(row).execute(db).map_err(StoreError::from) {
        Ok(_) => Ok(()),
        // Another request with this key was quicker: start over, and find its answer.
        Err(StoreError::UniqueViolation) => Err(StoreError::Serialization),
        Err(error) => Err(error),
    }
}

/// Removes some of the keys that are too old; gives how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let expired: Vec<(String, String)> = dsl::idempotency_keys
        .filter(dsl::created_at.le(oldest(ctx)))
        .select((dsl::caller, dsl::idempotency_key))
        .limit(SWEEP)
        .load(db)?;
    for (caller, key) in &expired {
        diesel::delete(dsl::idempotency_keys.find((caller, key))).execute(db)?;
    }
    Ok(expired.len())
}

fn oldest(ctx: &Ctx) -> NaiveDateTime {
    ctx.now_naive() - TimeDelta::hours(KEPT_HOURS)
}
