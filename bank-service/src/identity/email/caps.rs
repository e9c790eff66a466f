//! Caps on the mails to one address.
//!
//! Requests from a network or a device that the account knows do not count: strangers cannot use its owner's share up. Mails
//! without a request count while the address is unproved, since the account may be a stranger's. Their hourly and daily
//! shares are separate: they do not keep the owner from requesting another password.

use chrono::{DateTime, Utc};
use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::throttle::{Cap, Counter};
use crate::identity::origin::Visit;
use crate::sealing::CounterKey;
use crate::store::{self, Ctx, Db, StoreError};

/// Per recipient and requesting network, or per kind of unrequested mail.
const HOURLY: Cap = Cap::hourly(3);
const DAILY: Cap = Cap::daily(10);
/// The same while mails are above their alarm.
const HOURLY_IN_ALARM: Cap = Cap::hourly(1);
const DAILY_IN_ALARM: Cap = Cap::daily(3);
/// Per recipient, over all networks that its account does not know.
const DAILY_OVER_ALL: Cap = Cap::daily(30);
/// Over all recipients, of unknown networks and unrequested: counted, never a reason to refuse.
const COUNTED: Cap = Cap::hourly(i32::MAX);

/// Unrequested mails to an unproved address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum Unasked {
    /// Sent by a registration: the welcome and the link.
    Registration,
    /// Reports an event of the account.
    Notice,
}

impl Unasked {
    /// Replaces the requesting network in the counter's key.
    fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Notice => "notice",
        }
    }
}

/// Takes one mail to an unproved address from its share; false if none is left.
pub(in crate::identity) fn take_unasked(
    db: &mut Db,
    ctx: &Ctx,
    recipient: &Email,
    kind: Unasked,
) -> Result<bool, StoreError> {
    let shares = shares(db, ctx, recipient, kind.as_str())?;
    Ok(take_from(db, ctx, &shares)?.is_ok())
}

/// Takes one mail to `recipient` from its share; the error is the time of the next one. `owner` is the account whose proved
/// address that is; none for an unproved address, as its account may belong to a stranger.
pub(in crate::identity) fn take(
    db: &mut Db,
    ctx: &Ctx,
    owner: Option<UserId>,
    recipient: &Email,
    visit: &Visit,
) -> Result<Result<(), DateTime<Utc>>, StoreError> {
    let shares = shares_of_visit(db, ctx, owner, recipient, visit)?;
    take_from(db, ctx, &shares)
}

/// Takes one mail from its shares, the first of which counts all mails.
fn take_from(db: &mut Db, ctx: &Ctx, shares: &[(CounterKey, Cap)]) -> Result<Result<(), DateTime<Utc>>, StoreError> {
    let taken = take_all(db, ctx, shares)?;
    if let (Ok(Some(all)), Some(alarm)) = (&taken, ctx.mail_alarm()) {
        alarm.mail_taken(all.total);
    }
    Ok(taken.map(drop))
}

/// Whether one mail is left to take.
pub(in crate::identity) fn is_left(
    db: &mut Db,
    ctx: &Ctx,
    owner: Option<UserId>,
    recipient: &Email,
    visit: &Visit,
) -> Result<bool, StoreError> {
    let shares = shares_of_visit(db, ctx, owner, recipient, visit)?;
    Ok(next(db, ctx, &shares)?.is_ok())
}

/// The shares that a request draws on: none if it comes from a network or device that the account knows.
fn shares_of_visit(
    db: &mut Db,
    ctx: &Ctx,
    owner: Option<UserId>,
    recipient: &Email,
    visit: &Visit,
) -> Result<Vec<(CounterKey, Cap)>, StoreError> {
    if let Some(owner) = owner
        && is_known(db, ctx, owner, visit)?
    {
        return Ok(Vec::new());
    }
    shares(db, ctx, recipient, visit.network.as_str())
}

/// The shares of a mail, by its requesting network or its unrequested kind.
fn shares(db: &mut Db, ctx: &Ctx, recipient: &Email, asker: &str) -> Result<Vec<(CounterKey, Cap)>, StoreError> {
    let to = recipient.normalized();
    let all = ctx.counter_key("mail", &[])?;
    let with_this = store::counters::hold(db, &all)?.and_then(|counter| counter.one_more(COUNTED, ctx.now).ok());
    let in_alarm = with_this.zip(ctx.mail_alarm()).is_some_and(|(counted, alarm)| alarm.is_above(counted.total));
    let (hourly, daily) = if in_alarm { (HOURLY_IN_ALARM, DAILY_IN_ALARM) } else { (HOURLY, DAILY) };
    Ok(vec![
        (all, COUNTED),
        (ctx.counter_key("mail: recipient and network, by the hour", &[&to, asker])?, hourly),
        (ctx.counter_key("mail: recipient and network, by the day", &[&to, asker])?, daily),
        (ctx.counter_key("mail: recipient", &[&to])?, DAILY_OVER_ALL),
    ])
}

fn is_known(db: &mut Db, ctx: &Ctx, user: UserId, visit: &Visit) -> Result<bool, StoreError> {
    let device = visit.known_device.as_ref().map(|token| store::login_devices::is_known(db, ctx.now, user, token));
    Ok(device.transpose()?.unwrap_or(false) || store::login_devices::knows_network(db, ctx.now, user, &visit.network)?)
}

/// Takes one from each share, or from none; gives the first share's count. The error is the time when all have one again.
pub(in crate::identity) fn take_all(
    db: &mut Db,
    ctx: &Ctx,
    shares: &[(CounterKey, Cap)],
) -> Result<Result<Option<Counter>, DateTime<Utc>>, StoreError> {
    let taken = match next(db, ctx, shares)? {
        Ok(taken) => taken,
        Err(until) => return Ok(Err(until)),
    };
    let first = taken.first().map(|(_, _, after)| *after);
    for (key, before, after) in taken {
        store::counters::put(db, key, before.as_ref(), &after)?;
    }
    Ok(Ok(first))
}

/// Whether a share has nothing left.
pub(in crate::identity) fn is_used_up(
    db: &mut Db,
    ctx: &Ctx,
    (key, cap): &(CounterKey, Cap),
) -> Result<bool, StoreError> {
    let counter = store::counters::find(db, key)?;
    Ok(counter.is_some_and(|counter| counter.one_more(*cap, ctx.now).is_err()))
}

/// A counter's key, its value as read, and its next value.
type Next<'a> = (&'a CounterKey, Option<Counter>, Counter);

fn next<'a>(
    db: &mut Db,
    ctx: &Ctx,
    shares: &'a [(CounterKey, Cap)],
) -> Result<Result<Vec<Next<'a>>, DateTime<Utc>>, StoreError> {
    let mut taken = Vec::with_capacity(shares.len());
    let mut until = None;
    for (key, cap) in shares {
        let before = store::counters::hold(db, key)?;
        match before.unwrap_or(Counter::new(ctx.now)).one_more(*cap, ctx.now) {
            Ok(after) => taken.push((key, before, after)),
            Err(then) => until = until.max(Some(then)),
        }
    }
    Ok(until.map_or(Ok(taken), Err))
}
