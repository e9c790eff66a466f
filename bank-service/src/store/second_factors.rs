//! The `totp_factors` and `recovery_codes` tables: the data that a second factor is checked against.
//!
//! Taking an attempt, spending a step and spending a recovery code are one guarded UPDATE each, whose row count decides. An
//! attempt is taken before the code is checked, so parallel guesses wait for each other on the factor's row.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use shared_events::UserId;

use super::schema::{recovery_codes, totp_factors};
use super::{Ctx, Db, StoreError};
use crate::domain::session::TokenHash;
use crate::domain::throttle::retry_after_failures;

/// How many abandoned factors one sweep deletes.
const SWEEP: i64 = 200;
/// How long a seed that was never confirmed is kept after its expiry.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// An authenticator app of a user.
#[derive(Clone)]
pub struct Factor {
    /// A new id for each enrolment.
    pub factor_id: String,
    pub sealed_seed: Vec<u8>,
    /// Until when the first code is expected; none once it was given.
    pub pending_until: Option<DateTime<Utc>>,
    pub activated_on: Option<DateTime<Utc>>,
}

impl Factor {
    pub fn is_active(&self) -> bool {
        self.activated_on.is_some()
    }

    /// Whether it still waits for its first code.
    pub fn is_pending(&self, now: DateTime<Utc>) -> bool {
        !self.is_active() && self.pending_until.is_some_and(|until| now < until)
    }
}

pub fn find(db: &mut Db, user: UserId) -> Result<Option<Factor>, StoreError> {
    type Row = (String, Vec<u8>, Option<NaiveDateTime>, Option<NaiveDateTime>);
    let columns =
        (totp_factors::factor_id, totp_factors::sealed_seed, totp_factors::pending_until, totp_factors::activated_at);
    let row: Option<Row> = totp_factors::table.find(user.get()).select(columns).first(db).optional()?;
    Ok(row.map(|(factor_id, sealed_seed, pending_until, activated_at)| Factor {
        factor_id,
        sealed_seed,
        pending_until: pending_until.map(|date| date.and_utc()),
        activated_on: activated_at.map(|date| date.and_utc()),
    }))
}

/// Whether a login of the user has to ask for a second factor.
pub fn is_active(db: &mut Db, user: UserId) -> Result<bool, StoreError> {
    Ok(find(db, user)?.is_some_and(|factor| factor.is_active()))
}

/// Those of these users whose logins have to ask for a second factor.
pub fn active_of_many(db: &mut Db, users: &[i64]) -> Result<HashSet<i64>, StoreError> {
    let active = totp_factors::table
        .filter(totp_factors::user_id.eq_any(users.to_vec()))
        .filter(totp_factors::activated_at.is_not_null());
    let ids: Vec<i64> = active.select(totp_factors::user_id).load(db)?;
    Ok(ids.into_iter().collect())
}

pub struct NewFactor {
    pub user_id: UserId,
    pub factor_id: String,
    pub sealed_seed: Vec<u8>,
    pub pending_until: DateTime<Utc>,
}

/// Stores a new seed in place of a pending one; false if one is active. Earlier failures still count.
pub fn begin(db: &mut Db, ctx: &Ctx, new: &NewFactor) -> Result<bool, StoreError> {
    let pending = totp_factors::table
        .filter(totp_factors::user_id.eq(new.user_id.get()))
        .filter(totp_factors::activated_at.is_null());
    let changes = (
        totp_factors::factor_id.eq(&new.factor_id),
        totp_factors::sealed_seed.eq(&new.sealed_seed),
        totp_factors::created_at.eq(ctx.now_naive()),
        totp_factors::pending_until.eq(new.pending_until.naive_utc()),
        totp_factors::qr_shown.eq(false),
    );
    if diesel::update(pending).set(changes).execute(db)? == 1 {
        return Ok(true);
    }
    let row = (totp_factors::user_id.eq(new.user_id.get()), changes);
    match diesel::insert_into(totp_factors::table).values(row).execute(db).map_err(StoreError::from) {
        Err(StoreError::UniqueViolation) => Ok(false),
        inserted => inserted.map(|_| true),
    }
}

/// Marks the QR code as shown: of parallel callers, one gets true.
pub fn show_qr(db: &mut Db, ctx: &Ctx, user: UserId, factor_id: &str) -> Result<bool, StoreError> {
    let unseen = totp_factors::table
        .filter(totp_factors::user_id.eq(user.get()))
        .filter(totp_factors::factor_id.eq(factor_id))
        .filter(totp_factors::activated_at.is_null())
        .filter(totp_factors::pending_until.gt(ctx.now_naive()))
        .filter(totp_factors::qr_shown.eq(false));
    Ok(diesel::update(unseen).set(totp_factors::qr_shown.eq(true)).execute(db)? == 1)
}

/// Takes an attempt, counted as a failure until it succeeds; returns how many failures in a row that makes. None while the
/// factor is slowed down, or if it was replaced.
pub fn take_try(db: &mut Db, ctx: &Ctx, user: UserId, factor_id: &str) -> Result<Option<i32>, StoreError> {
    let open = totp_factors::table
        .filter(totp_factors::user_id.eq(user.get()))
        .filter(totp_factors::factor_id.eq(factor_id))
        .filter(totp_factors::try_not_before.is_null().or(totp_factors::try_not_before.le(ctx.now_naive())));
    if diesel::update(open).set(totp_factors::failed_tries.eq(totp_factors::failed_tries + 1)).execute(db)? != 1 {
        return Ok(None);
    }
    Ok(Some(totp_factors::table.find(user.get()).select(totp_factors::failed_tries).first(db)?))
}

/// When the next attempt is checked, after one was refused unchecked.
pub fn not_before(db: &mut Db, user: UserId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let until: Option<Option<NaiveDateTime>> =
        totp_factors::table.find(user.get()).select(totp_factors::try_not_before).first(db).optional()?;
    Ok(until.flatten().map(|date| date.and_utc()))
}

/// Delays the next attempt after a wrong one, as after wrong passwords.
pub fn slow_down(db: &mut Db, ctx: &Ctx, user: UserId, failures: i32) -> Result<(), StoreError> {
    if let Some(until) = retry_after_failures(failures, ctx.now) {
        let row = totp_factors::table.find(user.get());
        diesel::update(row).set(totp_factors::try_not_before.eq(until.naive_utc())).execute(db)?;
    }
    Ok(())
}

/// Spends a step, and resets the failures; false if it, or a later one, was spent before.
pub fn spend_step(db: &mut Db, user: UserId, factor_id: &str, step: i64) -> Result<bool, StoreError> {
    let unspent = totp_factors::table
        .filter(totp_factors::user_id.eq(user.get()))
        .filter(totp_factors::factor_id.eq(factor_id))
        .filter(totp_factors::last_used_step.lt(step));
    let changes = (
        totp_factors::last_used_step.eq(step),
        totp_factors::failed_tries.eq(0),
        totp_factors::try_not_before.eq(None::<NaiveDateTime>),
    );
    Ok(diesel::update(unspent).set(changes).execute(db)? == 1)
}

/// Activates the factor by its first code; false if it is too late.
pub fn activate(db: &mut Db, ctx: &Ctx, user: UserId, factor_id: &str) -> Result<bool, StoreError> {
    let pending = totp_factors::table
        .filter(totp_factors::user_id.eq(user.get()))
        .filter(totp_factors::factor_id.eq(factor_id))
        .filter(totp_factors::activated_at.is_null())
        .filter(totp_factors::pending_until.gt(ctx.now_naive()));
    let changes = (
        totp_factors::activated_at.eq(ctx.now_naive()),
        totp_factors::pending_until.eq(None::<NaiveDateTime>),
        totp_factors::qr_shown.eq(true),
    );
    Ok(diesel::update(pending).set(changes).execute(db)? == 1)
}

/// Voids a seed that waits for its first code. Its failures still count.
pub fn void_pending(db: &mut Db, ctx: &Ctx, user: UserId) -> Result<(), StoreError> {
    let pending = totp_factors::table
        .filter(totp_factors::user_id.eq(user.get()))
        .filter(totp_factors::activated_at.is_null())
        .filter(totp_factors::pending_until.gt(ctx.now_naive()));
    diesel::update(pending).set(totp_factors::pending_until.eq(ctx.now_naive())).execute(db)?;
    Ok(())
}

/// Deletes the factor of a user with its recovery codes, active or not; false if there was none.
pub fn delete_all(db: &mut Db, user: UserId) -> Result<bool, StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.get()))).execute(db)?;
    Ok(diesel::delete(totp_factors::table.filter(totp_factors::user_id.eq(user.get()))).execute(db)? == 1)
}

/// Replaces all recovery codes.
pub fn replace_codes(db: &mut Db, ctx: &Ctx, user: UserId, hashes: &[TokenHash]) -> Result<(), StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.get()))).execute(db)?;
    for hash in hashes {
        let row = (
            recovery_codes::user_id.eq(user.get()),
            recovery_codes::code_hash.eq(hash.as_str()),
            recovery_codes::created_at.eq(ctx.now_naive()),
        );
        diesel::insert_into(recovery_codes::table).values(row).execute(db)?;
    }
    Ok(())
}

/// Spends a recovery code: of parallel callers, one gets true.
pub fn spend_code(db: &mut Db, ctx: &Ctx, user: UserId, hash: &TokenHash) -> Result<bool, StoreError> {
    let unused = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user.get()))
        .filter(recovery_codes::code_hash.eq(hash.as_str()))
        .filter(recovery_codes::used_at.is_null());
    Ok(diesel::update(unused).set(recovery_codes::used_at.eq(ctx.now_naive())).execute(db)? == 1)
}

/// How many recovery codes a user has left.
pub fn codes_left(db: &mut Db, user: UserId) -> Result<i64, StoreError> {
    let unused =
        recovery_codes::table.filter(recovery_codes::user_id.eq(user.get())).filter(recovery_codes::used_at.is_null());
    Ok(unused.count().get_result(db)?)
}

/// Deletes some of the seeds that never got a code; returns how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let before = (ctx.now - KEPT).naive_utc();
    let abandoned = totp_factors::activated_at.is_null().and(totp_factors::pending_until.lt(before));
    let users: Vec<i64> = totp_factors::table.filter(abandoned).select(totp_factors::user_id).limit(SWEEP).load(db)?;
    // An enrolment may have begun again meanwhile, so the condition is checked once more.
    let rows = totp_factors::table.filter(totp_factors::user_id.eq_any(users)).filter(abandoned);
    Ok(diesel::delete(rows).execute(db)?)
}
