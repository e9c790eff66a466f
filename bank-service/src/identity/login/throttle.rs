//! Counts wrong passwords: per device, per account and network, or per session in which the password is given again.
//!
//! Counters are kept under keyed hashes and written for unknown addresses like for known ones, so neither an answer, nor its
//! time, nor a row shows which addresses exist.

use shared_events::UserId;

use crate::domain::network::ClientNetwork;
use crate::domain::session::{SessionId, TokenHash};
use crate::domain::throttle::{CLOSED_FOR, Counter};
use crate::domain::user::User;
use crate::identity::origin::Visit;
use crate::sealing::{CounterKey, Seal, Vault};
use crate::store::{self, Ctx, Db, StoreError};

#[derive(Debug, Clone)]
pub struct AccountKeys {
    /// The account in one network.
    in_network: CounterKey,
    /// The account in all unknown networks.
    anywhere: CounterKey,
}

impl AccountKeys {
    /// The counters of the account with this normalised address.
    pub fn new(vault: &Vault, account: &str, network: &ClientNetwork) -> Self {
        Self {
            in_network: vault.counter_key("login: account and network", &[account, network.as_str()]),
            anywhere: vault.counter_key("login: account", &[account]),
        }
    }
}

/// The counter of a session in which the password is given again.
pub fn session_key(vault: &Vault, session: SessionId) -> CounterKey {
    vault.counter_key("login: session", &[&session.to_string()])
}

/// The counter of a wrong password.
#[derive(Debug, Clone)]
pub enum CountedOn {
    Device(TokenHash),
    Account { keys: AccountKeys, is_known_network: bool },
    Session(CounterKey),
}

/// The counter of a password, and whether the password is checked at all.
#[derive(Debug, Clone)]
pub struct LoginThrottle {
    pub counted_on: CountedOn,
    /// Too many failures before: even the right password is refused.
    pub is_closed: bool,
}

/// Throttles a login with a known or unknown address. Both cost the same queries.
pub fn login_throttle(
    db: &mut Db,
    ctx: &Ctx,
    user: Option<UserId>,
    keys: AccountKeys,
    visit: &Visit,
) -> Result<LoginThrottle, StoreError> {
    // Ids begin at 1: no user has this one.
    let nobody = UserId::try_new(i64::MAX).map_err(|_| StoreError::Corrupt { what: "the id of nobody" })?;
    let user = user.unwrap_or(nobody);
    let in_network = store::counters::find(db, &keys.in_network)?;
    let anywhere = store::counters::find(db, &keys.anywhere)?;
    let is_known_network = store::login_devices::knows_network(db, ctx.now, user, &visit.network)?;
    if let Some(token) = &visit.known_device
        && store::login_devices::is_known(db, ctx.now, user, token)?
    {
        return Ok(LoginThrottle { counted_on: CountedOn::Device(token.clone()), is_closed: false });
    }
    let closed = |counter: Option<Counter>| counter.is_some_and(|counter| counter.is_closed(ctx.now));
    let is_closed = closed(in_network) || (closed(anywhere) && !is_known_network);
    Ok(LoginThrottle { counted_on: CountedOn::Account { keys, is_known_network }, is_closed })
}

/// Throttles a password that is given again in a session.
pub fn session_throttle(db: &mut Db, ctx: &Ctx, key: CounterKey) -> Result<LoginThrottle, StoreError> {
    let counter = store::counters::find(db, &key)?;
    let is_closed = counter.is_some_and(|counter| counter.is_closed(ctx.now));
    Ok(LoginThrottle { counted_on: CountedOn::Session(key), is_closed })
}

/// Counts a wrong password; true if this closes the account to unknown networks.
pub fn count_failure(db: &mut Db, ctx: &Ctx, counted_on: &CountedOn) -> Result<bool, StoreError> {
    match counted_on {
        CountedOn::Device(token) => store::login_devices::record_failure(db, ctx, token)?,
        CountedOn::Session(key) => {
            change(db, ctx, key, |counter| counter.after_failure(ctx.now))?;
        }
        CountedOn::Account { keys, is_known_network } => {
            change(db, ctx, &keys.in_network, |counter| counter.after_failure(ctx.now))?;
            if !is_known_network {
                let counter = change(db, ctx, &keys.anywhere, |counter| counter.after_unknown_failure(ctx.now))?;
                return Ok(counter.not_before == Some(ctx.now + CLOSED_FOR));
            }
        }
    }
    Ok(false)
}

fn change(
    db: &mut Db,
    ctx: &Ctx,
    key: &CounterKey,
    change: impl FnOnce(Counter) -> Counter,
) -> Result<Counter, StoreError> {
    let before = store::counters::hold(db, key)?;
    let after = change(before.unwrap_or(Counter::new(ctx.now)));
    store::counters::put(db, key, before.as_ref(), &after)?;
    Ok(after)
}

/// After a login: clears the failures before it, and remembers its device and its network. It does not open an account that is
/// closed to unknown networks: strangers could go on a hundred wrong passwords at a time, after each login of the owner.
pub(in crate::identity) fn remember_login(
    db: &mut Db,
    ctx: &Ctx,
    user: &User,
    session: SessionId,
    visit: &Visit,
) -> Result<(), StoreError> {
    let AccountKeys { anywhere, .. } = AccountKeys::new(&visit.vault, &user.email.normalized(), &visit.network);
    store::counters::clear_open(db, ctx, &anywhere)?;
    remember_network(db, ctx, user, visit)?;
    store::login_devices::remember(db, ctx, (user.id, session), visit.known_device.as_ref(), &visit.device)
}

/// After a login or a reset of the password: clears the failures before it in its network, and remembers the network. To be called
/// while the user's row is locked.
pub(in crate::identity) fn remember_network(
    db: &mut Db,
    ctx: &Ctx,
    user: &User,
    visit: &Visit,
) -> Result<(), StoreError> {
    let AccountKeys { in_network, .. } = AccountKeys::new(&visit.vault, &user.email.normalized(), &visit.network);
    store::counters::clear(db, &[in_network])?;
    if visit.is_knowable {
        store::login_devices::remember_network(db, ctx, user.id, &visit.network)?;
    }
    Ok(())
}
