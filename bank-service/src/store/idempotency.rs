//! `Idempotency-Key`: the same key and body give the same response, and the work is done once.
//!
//! The response is stored in the transaction that did the work, so neither exists without the other. Keys are per caller and
//! kept for 24 hours.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::idempotency_key::{IdempotencyError, IdempotencyKey};
use super::kept_row::{insert_rows, kept_row};
use super::ledger::{TransferKey, by_keys};
use super::schema::idempotency_keys::{self, dsl};
use super::{Ctx, Db, Outcome, Store, StoreError};

const KEPT_HOURS: i64 = 24;
/// How many expired keys one sweep removes.
const SWEEP: i64 = 500;

#[derive(Insertable)]
#[diesel(table_name = idempotency_keys)]
pub(super) struct NewRow {
    caller: String,
    idempotency_key: String,
    request_hash: String,
    response: String,
    created_at: NaiveDateTime,
}

impl NewRow {
    pub(super) fn new(ctx: &Ctx, key: &IdempotencyKey, response: &str) -> Self {
        Self {
            caller: key.caller.clone(),
            idempotency_key: key.key.clone(),
            request_hash: key.request_hash.clone(),
            response: response.to_owned(),
            created_at: ctx.now_naive(),
        }
    }
}

kept_row!(
    NewRow, idempotency_keys:
    caller => Text, idempotency_key => Text, request_hash => Text, response => Text, created_at => Timestamp
);

/// The response stored under this key, if any. A key under which money moved is refused for good, by the transfer that keeps it.
pub(super) fn find<E: From<StoreError> + From<IdempotencyError>>(
    db: &mut Db,
    ctx: &Ctx,
    key: &IdempotencyKey,
) -> Result<Option<String>, E> {
    // First: where the transfer of a first balance is found, the response to its request is found, too.
    let has_moved_money = has_moved_money(db, key)?;
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
        None if has_moved_money => Err(IdempotencyError::KeyReused.into()),
        None => Ok(None),
    }
}

fn has_moved_money(db: &mut Db, key: &IdempotencyKey) -> Result<bool, StoreError> {
    Ok(!by_keys(db, vec![TransferKey::of(key, 0).key])?.is_empty())
}

pub(super) fn remember(db: &mut Db, ctx: &Ctx, key: &IdempotencyKey, response: &str) -> Result<(), StoreError> {
    let rows = [NewRow::new(ctx, key, response)];
    match insert(db, &rows) {
        Err(StoreError::UniqueViolation) => {}
        done => return done,
    }
    // An expired key is in the way, or another request with this key committed first: start over, and find its response.
    delete_expired(db, ctx, key)?;
    insert(db, &rows)
}

/// Deletes an expired key. [`StoreError::Serialization`] if it is not there, or in force.
pub(super) fn delete_expired(db: &mut Db, ctx: &Ctx, key: &IdempotencyKey) -> Result<(), StoreError> {
    let expired = dsl::idempotency_keys.find((&key.caller, &key.key)).filter(dsl::created_at.le(oldest(ctx)));
    if diesel::delete(expired).execute(db)? == 1 { Ok(()) } else { Err(StoreError::Serialization) }
}

pub(super) fn insert(db: &mut Db, rows: &[NewRow]) -> Result<(), StoreError> {
    Ok(insert_rows!(db, idempotency_keys::table, rows)?)
}

impl Store {
    /// The response stored under this key, for work that is no transaction of the store. Repeating such work is harmless; the key
    /// only saves it.
    pub async fn remembered<E>(&self, ctx: &Ctx, key: Option<&IdempotencyKey>) -> Result<Option<String>, E>
    where
        E: From<StoreError> + From<IdempotencyError> + Send + 'static,
    {
        let (Some(key), ctx) = (key.cloned(), ctx.clone()) else { return Ok(None) };
        self.read(move |db| find::<E>(db, &ctx, &key)).await
    }

    /// Stores the response under this key.
    pub async fn remember(&self, ctx: &Ctx, key: IdempotencyKey, response: String) -> Result<(), StoreError> {
        self.write(ctx, move |db, ctx| remember(db, ctx, &key, &response).map(Outcome::new)).await
    }
}

/// Removes some of the expired keys; returns how many.
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

/// Keys of this time or before have expired.
pub(super) fn oldest(ctx: &Ctx) -> NaiveDateTime {
    ctx.now_naive() - TimeDelta::hours(KEPT_HOURS)
}
