//! The `one_time_secrets` table.
//!
//! Using a secret, counting a wrong answer and issuing a new secret are one guarded UPDATE each, whose row count decides: of any
//! number of parallel callers one uses a secret, and at most `max_attempts` wrong answers are counted.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use service_kit::ids::new_uuid;
use shared_events::UserId;

use super::schema::one_time_secrets::{self, dsl};
use super::{Ctx, Db, StoreError};
use crate::domain::one_time::{Issued, Purpose, SecretHash, WINDOW};

/// How many rows one sweep removes.
const SWEEP: i64 = 500;
/// The slots of a purpose with up to three secrets per user.
const SLOTS: [&str; 3] = ["-", "-2", "-3"];
/// The slot of a purpose with one secret per user.
const ONLY_SLOT: &str = "-";

/// Ids begin at 1.
const NOBODY: i64 = 0;

/// The row of a new secret.
#[derive(Debug, Clone)]
pub struct NewSecret {
    pub purpose: Purpose,
    /// None before the user is known, as before a login at another provider.
    pub user_id: Option<UserId>,
    /// The address or number that it verifies; at most 1000 characters.
    pub subject: String,
    pub hash: SecretHash,
    /// The session that requested it, where that matters.
    pub session_id: Option<String>,
    /// The purpose's lifetime, unless a setting shortens it.
    pub lifetime: TimeDelta,
}

/// A usable secret, as it was read.
#[derive(Debug, Clone)]
pub struct Live {
    id: String,
    pub user_id: Option<UserId>,
    pub subject: String,
    pub hash: SecretHash,
    /// The session that requested it.
    pub session_id: Option<String>,
}

/// The secrets that a user has for a purpose.
#[derive(Debug, Default)]
pub struct Former {
    /// The issue record of the newest one.
    pub newest: Option<Issued>,
    /// The one that a new secret replaces; none while there is a free slot.
    pub oldest: Option<Replaced>,
    pub free_slot: Option<&'static str>,
}

/// A row, as it was read.
#[derive(Debug)]
pub struct Replaced {
    id: String,
    generation: i64,
}

type LiveRow = (String, Option<i64>, String, String, Option<String>);

/// The rows of a purpose with at most `most` per user, used or not.
pub fn former(db: &mut Db, purpose: Purpose, user: UserId, most: usize) -> Result<Former, StoreError> {
    type Row = (String, String, i64, NaiveDateTime, NaiveDateTime, i32);
    let slots = SLOTS.get(..most.min(SLOTS.len())).unwrap_or_default();
    let rows: Vec<Row> = dsl::one_time_secrets
        .filter(dsl::user_id.eq(user.get()))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::slot.eq_any(slots))
        .select((dsl::id, dsl::slot, dsl::generation, dsl::cooldown_until, dsl::window_began_at, dsl::issued_in_window))
        .order(dsl::created_at.desc())
        .load(db)?;
    let newest = rows.first().map(|(.., cooldown_until, window_began_at, in_window)| Issued {
        cooldown_until: cooldown_until.and_utc(),
        window_began_on: window_began_at.and_utc(),
        in_window: *in_window,
    });
    let free_slot = slots.iter().copied().find(|slot| rows.iter().all(|(_, taken, ..)| taken != slot));
    let last = rows.into_iter().last().filter(|_| free_slot.is_none());
    let oldest = last.map(|(id, _, generation, ..)| Replaced { id, generation });
    Ok(Former { newest, oldest, free_slot })
}

/// Inserts a new secret. [`StoreError::UniqueViolation`] if another request issued the only one first.
pub fn insert(
    db: &mut Db,
    ctx: &Ctx,
    new: &NewSecret,
    free_slot: Option<&str>,
    issued: Issued,
) -> Result<(), StoreError> {
    let id = new_uuid().to_string();
    let slot = free_slot.map_or_else(|| id.clone(), str::to_owned);
    let row = (
        dsl::id.eq(id),
        dsl::purpose.eq(new.purpose.as_str()),
        dsl::user_id.eq(new.user_id.map(UserId::get)),
        dsl::slot.eq(slot),
        dsl::subject.eq(&new.subject),
        dsl::secret_hash.eq(new.hash.as_str()),
        dsl::attempts.eq(0),
        dsl::max_attempts.eq(new.purpose.max_attempts()),
        dsl::created_at.eq(ctx.now_naive()),
        dsl::expires_at.eq((ctx.now + new.lifetime).naive_utc()),
        (
            dsl::cooldown_until.eq(issued.cooldown_until.naive_utc()),
            dsl::window_began_at.eq(issued.window_began_on.naive_utc()),
            dsl::issued_in_window.eq(issued.in_window),
            dsl::generation.eq(1_i64),
            dsl::session_id.eq(&new.session_id),
        ),
    );
    diesel::insert_into(one_time_secrets::table).values(row).execute(db)?;
    Ok(())
}

/// Replaces a secret by a new one; false if another request did so first.
pub fn replace(db: &mut Db, ctx: &Ctx, former: &Replaced, new: &NewSecret, issued: Issued) -> Result<bool, StoreError> {
    let row = dsl::one_time_secrets.filter(dsl::id.eq(&former.id)).filter(dsl::generation.eq(former.generation));
    let changes = (
        dsl::subject.eq(&new.subject),
        dsl::secret_hash.eq(new.hash.as_str()),
        dsl::attempts.eq(0),
        dsl::created_at.eq(ctx.now_naive()),
        dsl::expires_at.eq((ctx.now + new.lifetime).naive_utc()),
        dsl::consumed_at.eq(None::<NaiveDateTime>),
        dsl::cooldown_until.eq(issued.cooldown_until.naive_utc()),
        dsl::window_began_at.eq(issued.window_began_on.naive_utc()),
        dsl::issued_in_window.eq(issued.in_window),
        dsl::generation.eq(former.generation.wrapping_add(1)),
        dsl::session_id.eq(&new.session_id),
    );
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// The secret of this hash, if it is still usable.
pub fn find(db: &mut Db, ctx: &Ctx, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    let row: Option<LiveRow> = dsl::one_time_secrets
        .filter(dsl::secret_hash.eq(hash.as_str()))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::consumed_at.is_null())
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .filter(dsl::attempts.lt(dsl::max_attempts))
        .select((dsl::id, dsl::user_id, dsl::subject, dsl::secret_hash, dsl::session_id))
        .first(db)
        .optional()?;
    row.map(read).transpose()
}

/// A used or void link, while its row exists.
pub fn find_spent(db: &mut Db, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    let row: Option<LiveRow> = dsl::one_time_secrets
        .filter(dsl::secret_hash.eq(hash.as_str()))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::consumed_at.is_not_null())
        .select((dsl::id, dsl::user_id, dsl::subject, dsl::secret_hash, dsl::session_id))
        .first(db)
        .optional()?;
    row.map(read).transpose()
}

/// The only usable secret of a user for a purpose. Without a user the query returns none, at the same cost.
pub fn find_of_user(
    db: &mut Db,
    ctx: &Ctx,
    purpose: Purpose,
    user: Option<UserId>,
) -> Result<Option<Live>, StoreError> {
    let row: Option<LiveRow> = dsl::one_time_secrets
        .filter(dsl::user_id.eq(user.map_or(NOBODY, UserId::get)))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::slot.eq(ONLY_SLOT))
        .filter(dsl::consumed_at.is_null())
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .filter(dsl::attempts.lt(dsl::max_attempts))
        .select((dsl::id, dsl::user_id, dsl::subject, dsl::secret_hash, dsl::session_id))
        .first(db)
        .optional()?;
    row.map(read).transpose()
}

fn read((id, user_id, subject, hash, session_id): LiveRow) -> Result<Live, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let user_id = user_id.map(UserId::try_new).transpose().map_err(|_| corrupt("one_time_secrets.user_id"))?;
    let digest = hex::decode(&hash).ok().and_then(|bytes| bytes.try_into().ok());
    let digest: [u8; 32] = digest.ok_or_else(|| corrupt("one_time_secrets.secret_hash"))?;
    Ok(Live { id, user_id, subject, hash: SecretHash::new(digest), session_id })
}

/// Uses a secret up: of parallel callers, one gets true.
pub fn consume(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    let usable = dsl::one_time_secrets
        .filter(dsl::id.eq(&live.id))
        .filter(dsl::secret_hash.eq(live.hash.as_str()))
        .filter(dsl::consumed_at.is_null())
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .filter(dsl::attempts.lt(dsl::max_attempts));
    Ok(diesel::update(usable).set(dsl::consumed_at.eq(Some(ctx.now_naive()))).execute(db)? == 1)
}

/// Whether this is the newest secret of a user for a purpose, was used, and is otherwise still valid.
pub fn was_used(db: &mut Db, ctx: &Ctx, purpose: Purpose, user: UserId, hash: &SecretHash) -> Result<bool, StoreError> {
    let row: Option<String> = dsl::one_time_secrets
        .filter(dsl::user_id.eq(user.get()))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::slot.eq(ONLY_SLOT))
        .filter(dsl::secret_hash.eq(hash.as_str()))
        .filter(dsl::consumed_at.is_not_null())
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .select(dsl::id)
        .first(db)
        .optional()?;
    Ok(row.is_some())
}

/// Counts a wrong answer; false if the secret allows no more.
pub fn count_try(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    let usable = dsl::one_time_secrets
        .filter(dsl::id.eq(&live.id))
        .filter(dsl::secret_hash.eq(live.hash.as_str()))
        .filter(dsl::consumed_at.is_null())
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .filter(dsl::attempts.lt(dsl::max_attempts));
    Ok(diesel::update(usable).set(dsl::attempts.eq(dsl::attempts + 1)).execute(db)? == 1)
}

/// Costs the same as counting a wrong answer, where there is no secret to count it on.
pub fn count_nothing(db: &mut Db, ctx: &Ctx) -> Result<(), StoreError> {
    let hash = SecretHash::new([0; 32]);
    let nothing = Live { id: String::new(), user_id: None, subject: String::new(), hash, session_id: None };
    count_try(db, ctx, &nothing).map(drop)
}

/// Voids a user's secrets for these purposes; returns how many. Their cooldowns stay.
pub fn void(db: &mut Db, ctx: &Ctx, user: UserId, purposes: &[Purpose]) -> Result<usize, StoreError> {
    let names: Vec<&str> = purposes.iter().map(|purpose| purpose.as_str()).collect();
    let pending = dsl::one_time_secrets
        .filter(dsl::user_id.eq(user.get()))
        .filter(dsl::purpose.eq_any(names))
        .filter(dsl::consumed_at.is_null());
    Ok(diesel::update(pending).set(dsl::consumed_at.eq(Some(ctx.now_naive()))).execute(db)?)
}

/// Deletes all secrets of a user.
pub fn delete_all(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::delete(dsl::one_time_secrets.filter(dsl::user_id.eq(user.get()))).execute(db)?;
    Ok(())
}

/// Removes some of the secrets that expired so long ago that their count no longer matters; returns how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let before: DateTime<Utc> = ctx.now - WINDOW - TimeDelta::hours(1);
    let ids: Vec<String> =
        dsl::one_time_secrets.filter(dsl::expires_at.lt(before.naive_utc())).select(dsl::id).limit(SWEEP).load(db)?;
    Ok(diesel::delete(dsl::one_time_secrets.filter(dsl::id.eq_any(&ids))).execute(db)?)
}
