//! Reads of the ledger. A customer reads the history of its own open accounts and cards; staff reads everything.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use service_kit::http::paging::{ListQuery, Listing};

use crate::domain::ledger::{Entry, EntryView, LedgerAccount, LedgerId, Transfer, TransferId};
use crate::domain::scope::Scope;
use crate::operations::errors::{FindError, found};
use crate::store::ledger::{self, EntryOf, EntryPage, Placed};
use crate::store::{Db, StoreError};

/// A transfer with the ledger accounts of both sides, as they are now.
#[derive(Debug, Clone)]
pub struct FoundTransfer {
    pub transfer: Transfer,
    pub sides: Vec<LedgerAccount>,
    pub event_id: Option<String>,
}

/// A transfer with a side within the scope.
pub fn find_transfer(db: &mut Db, scope: Scope, id: TransferId) -> Result<FoundTransfer, FindError> {
    let placed = found(ledger::find_transfer(db, id)?, scope, "transfer")?;
    let sides = ledger::find(db, &[placed.transfer.from, placed.transfer.to])?;
    let is_visible = scope == Scope::All || sides.iter().any(|side| is_readable(side, scope));
    found(is_visible.then_some(()), scope, "transfer")?;
    Ok(FoundTransfer { transfer: placed.transfer, sides, event_id: placed.event_id })
}

/// A page of the transfers with a side within the scope, the newest first.
pub fn list_transfers(db: &mut Db, scope: Scope, query: &ListQuery) -> Result<Listing<Placed>, FindError> {
    Ok(ledger::list_transfers(db, scope, query)?)
}

/// After closing, history is for staff.
fn is_readable(account: &LedgerAccount, scope: Scope) -> bool {
    match scope {
        Scope::All => true,
        Scope::Own(user) => account.is_owned_by(user) && !account.is_closed(),
    }
}

/// The ledger account of an item, if it is within the scope.
pub(super) fn readable(
    db: &mut Db,
    scope: Scope,
    id: LedgerId,
    what: &'static str,
) -> Result<LedgerAccount, FindError> {
    let account = ledger::find(db, &[id])?.pop().filter(|account| is_readable(account, scope));
    Ok(found(account, scope, what)?)
}

/// A page of an account's or a card's entries.
pub fn list_entries(
    db: &mut Db,
    scope: Scope,
    (id, what): (LedgerId, &'static str),
    page: &EntryPage,
    is_counted: bool,
) -> Result<(Vec<EntryView>, Option<i64>), FindError> {
    readable(db, scope, id, what)?;
    let total = if is_counted { Some(ledger::count_entries(db, id, page)?) } else { None };
    let entries = ledger::list_entries(db, id, page)?;
    Ok((with_counterparties(db, id, entries)?, total))
}

pub(super) fn with_counterparties(
    db: &mut Db,
    id: LedgerId,
    entries: Vec<EntryOf>,
) -> Result<Vec<EntryView>, StoreError> {
    let other = |transfer: &Transfer| if transfer.from == id { transfer.to } else { transfer.from };
    let others: Vec<LedgerId> = entries.iter().filter_map(|(_, transfer)| transfer.as_ref()).map(other).collect();
    let others: HashMap<LedgerId, LedgerAccount> =
        ledger::find(db, &others)?.into_iter().map(|account| (account.id, account)).collect();
    let view = |(entry, transfer): EntryOf| {
        let counterparty = transfer.as_ref().and_then(|transfer| others.get(&other(transfer)).cloned());
        EntryView { entry, transfer, counterparty }
    };
    Ok(entries.into_iter().map(view).collect())
}

/// A balance at a time.
#[derive(Debug, Clone)]
pub struct BalanceAt {
    pub account: LedgerAccount,
    /// The last entry up to then; none before the first.
    pub entry: Option<Entry>,
}

/// The balance of an account or a card after the last entry up to this time.
pub fn balance_at(
    db: &mut Db,
    scope: Scope,
    (id, what): (LedgerId, &'static str),
    at: DateTime<Utc>,
) -> Result<BalanceAt, FindError> {
    let account = readable(db, scope, id, what)?;
    Ok(BalanceAt { account, entry: ledger::as_of(db, id, at)? })
}
