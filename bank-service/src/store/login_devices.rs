//! The `login_devices` and `known_networks` tables: the devices and networks that a user has logged in from.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use shared_events::UserId;

use super::schema::{known_networks, login_devices};
use super::{Ctx, Db, StoreError};
use crate::domain::network::ClientNetwork;
use crate::domain::session::{SessionId, TokenHash};
use crate::domain::throttle::{DEVICE_FAILURES, DEVICE_WINDOW, KNOWN_FOR, MAX_KNOWN};

/// How many rows one sweep removes.
const SWEEP: i64 = 500;

/// Whether a token is that of a device of the user, and valid.
pub fn is_known(db: &mut Db, now: DateTime<Utc>, user: UserId, token: &TokenHash) -> Result<bool, StoreError> {
    let row = login_devices::table
        .filter(login_devices::token_hash.eq(token.as_str()))
        .filter(login_devices::user_id.eq(user.get()))
        .filter(login_devices::expires_at.gt(now.naive_utc()));
    Ok(row.select(login_devices::user_id).first::<i64>(db).optional()?.is_some())
}

/// Stores the device that a session was opened on; the token it presented, if any, becomes void.
pub fn remember(
    db: &mut Db,
    ctx: &Ctx,
    (user, session): (UserId, SessionId),
    former: Option<&TokenHash>,
    token: &TokenHash,
) -> Result<(), StoreError> {
    if let Some(former) = former {
        let row = login_devices::table
            .filter(login_devices::token_hash.eq(former.as_str()))
            .filter(login_devices::user_id.eq(user.get()));
        diesel::delete(row).execute(db)?;
    }
    let beyond: Vec<String> = login_devices::table
        .filter(login_devices::user_id.eq(user.get()))
        .select(login_devices::token_hash)
        .order(login_devices::created_at.desc())
        .offset(offset())
        .limit(SWEEP)
        .load(db)?;
    diesel::delete(login_devices::table.filter(login_devices::token_hash.eq_any(beyond))).execute(db)?;
    let row = (
        login_devices::token_hash.eq(token.as_str()),
        login_devices::user_id.eq(user.get()),
        login_devices::session_id.eq(session.to_string()),
        login_devices::created_at.eq(ctx.now_naive()),
        login_devices::expires_at.eq((ctx.now + KNOWN_FOR).naive_utc()),
        login_devices::failures.eq(0),
    );
    diesel::insert_into(login_devices::table).values(row).execute(db)?;
    Ok(())
}

/// Leaves room for one new device.
fn offset() -> i64 {
    i64::try_from(MAX_KNOWN.saturating_sub(1)).unwrap_or(i64::MAX)
}

/// Counts a wrong password that came with a token, and voids the token after too many within the hour.
pub fn record_failure(db: &mut Db, ctx: &Ctx, token: &TokenHash) -> Result<(), StoreError> {
    let row = login_devices::table.filter(login_devices::token_hash.eq(token.as_str()));
    let window_over = (ctx.now - DEVICE_WINDOW).naive_utc();
    let anew = row.filter(login_devices::failing_since.is_null().or(login_devices::failing_since.le(window_over)));
    let first = (login_devices::failures.eq(1), login_devices::failing_since.eq(ctx.now_naive()));
    if diesel::update(anew).set(first).execute(db)? == 0 {
        diesel::update(row).set(login_devices::failures.eq(login_devices::failures + 1)).execute(db)?;
    }
    let spent = row.filter(login_devices::failures.ge(DEVICE_FAILURES));
    diesel::delete(spent).execute(db)?;
    Ok(())
}

/// Whether a user has logged in from a network in the last 30 days.
pub fn knows_network(
    db: &mut Db,
    now: DateTime<Utc>,
    user: UserId,
    network: &ClientNetwork,
) -> Result<bool, StoreError> {
    let seen: Option<NaiveDateTime> = known_networks::table
        .find((user.get(), network.as_str()))
        .select(known_networks::last_login_at)
        .first(db)
        .optional()?;
    Ok(seen.is_some_and(|seen| now < seen.and_utc() + KNOWN_FOR))
}

/// Records a login from a network. To be called while the user's row is locked.
pub fn remember_network(db: &mut Db, ctx: &Ctx, user: UserId, network: &ClientNetwork) -> Result<(), StoreError> {
    let row = known_networks::table.find((user.get(), network.as_str()));
    if diesel::update(row).set(known_networks::last_login_at.eq(ctx.now_naive())).execute(db)? == 1 {
        return Ok(());
    }
    let beyond: Vec<String> = known_networks::table
        .filter(known_networks::user_id.eq(user.get()))
        .select(known_networks::network)
        .order(known_networks::last_login_at.desc())
        .offset(offset())
        .limit(SWEEP)
        .load(db)?;
    let oldest = known_networks::table
        .filter(known_networks::user_id.eq(user.get()))
        .filter(known_networks::network.eq_any(beyond));
    diesel::delete(oldest).execute(db)?;
    let values = (
        known_networks::user_id.eq(user.get()),
        known_networks::network.eq(network.as_str()),
        known_networks::last_login_at.eq(ctx.now_naive()),
    );
    diesel::insert_into(known_networks::table).values(values).execute(db)?;
    Ok(())
}

/// The devices and networks of a user that stay known when the others are forgotten.
#[derive(Debug, Default)]
pub struct Kept {
    /// The session whose device is kept.
    pub session: Option<SessionId>,
    pub device: Option<TokenHash>,
    pub network: Option<ClientNetwork>,
}

/// Forgets the devices and networks of a user, except those that are `kept`.
pub fn forget(db: &mut Db, user: UserId, kept: &Kept) -> Result<(), StoreError> {
    // No row has an empty text in these columns.
    let session = kept.session.map(|session| session.to_string()).unwrap_or_default();
    let device = kept.device.as_ref().map_or("", TokenHash::as_str);
    let devices = login_devices::table
        .filter(login_devices::user_id.eq(user.get()))
        .filter(login_devices::session_id.ne(session))
        .filter(login_devices::token_hash.ne(device));
    diesel::delete(devices).execute(db)?;
    let network = kept.network.as_ref().map_or("", ClientNetwork::as_str);
    let networks = known_networks::table
        .filter(known_networks::user_id.eq(user.get()))
        .filter(known_networks::network.ne(network));
    diesel::delete(networks).execute(db)?;
    Ok(())
}

/// Removes some of the expired rows; returns how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let over = login_devices::expires_at.lt(ctx.now_naive());
    let hashes: Vec<String> =
        login_devices::table.filter(over).select(login_devices::token_hash).limit(SWEEP).load(db)?;
    let devices = diesel::delete(login_devices::table.filter(login_devices::token_hash.eq_any(&hashes))).execute(db)?;
    let old = known_networks::last_login_at.lt((ctx.now - KNOWN_FOR).naive_utc());
    let users: Vec<i64> = known_networks::table.filter(old).select(known_networks::user_id).limit(SWEEP).load(db)?;
    let networks = known_networks::table.filter(known_networks::user_id.eq_any(users)).filter(old);
    Ok(devices + diesel::delete(networks).execute(db)?)
}
