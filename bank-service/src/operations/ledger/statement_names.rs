//! The names of holder and bank in a statement: those of the end of its period. So neither a new name nor a deletion changes a
//! statement of a period that is closed.
//!
//! Names that ended before former names were kept are known from transfers only, which have the names of both sides at posting.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::BankId;

use crate::domain::ledger::{EntryView, LedgerAccount, LedgerId};
use crate::store::former_names::{self, Party};
use crate::store::ledger::{self, EntryPage};
use crate::store::{Db, StoreError};

/// The holder's name just before the end of a period, whose last entry is that of this number.
pub(super) fn holder_name(
    db: &mut Db,
    account: &LedgerAccount,
    until: i64,
    end: DateTime<Utc>,
) -> Result<String, StoreError> {
    let Some(client) = account.client_id else { return Ok(account.holder.clone()) };
    let then = former_names::name_before(db, Party::Client(client), end)?;
    if !then.has_earlier
        && let Some(name) = posted_name(db, account.id, until, then.valid_until)?
    {
        return Ok(name);
    }
    // The client may have been gone before former names were kept, and its name with it.
    Ok(then.name.unwrap_or_else(|| format!("Client {client}")))
}

/// The holder's name at the last movement up to an entry, or else at the first one after it, of those before a time.
fn posted_name(
    db: &mut Db,
    id: LedgerId,
    until: i64,
    before: Option<DateTime<Utc>>,
) -> Result<Option<String>, StoreError> {
    let last = EntryPage { until: Some(until), limit: 1, ..EntryPage::default() };
    let to = before.map(|before| before - TimeDelta::microseconds(1));
    let first = EntryPage { is_ascending: true, after: Some(until), to, limit: 1, ..EntryPage::default() };
    for page in [last, first] {
        if let Some(name) = name_at(db, id, &page)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The bank's name just before a time; of a bank that was gone before former names were kept that at the last movement of its own
/// ledger accounts.
pub(super) fn bank_name(db: &mut Db, id: BankId, end: DateTime<Utc>) -> Result<String, StoreError> {
    if let Some(name) = former_names::name_before(db, Party::Bank(id), end)?.name {
        return Ok(name);
    }
    let stripes = ledger::stripes_of(db, id)?;
    let mut own = ledger::find(db, &stripes)?;
    own.sort_by_key(|account| Reverse(account.posted_at));
    for account in own {
        let last = EntryPage { limit: 1, ..EntryPage::default() };
        if let Some(name) = name_at(db, account.id, &last)? {
            return Ok(name);
        }
    }
    Ok(format!("Bank {id}"))
}

/// The name that a ledger account's holder had at the movement that a page has; none without one, or if the holder was gone.
fn name_at(db: &mut Db, id: LedgerId, page: &EntryPage) -> Result<Option<String>, StoreError> {
    let moved = ledger::list_entries(db, id, page)?.pop();
    let named = moved.and_then(|(entry, transfer)| {
        let view = EntryView { entry, transfer, counterparty: None };
        view.own_name().map(ToOwned::to_owned)
    });
    Ok(named.filter(|name| !name.is_empty()))
}
