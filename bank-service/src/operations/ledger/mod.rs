//! Money moves in the transaction of the operation that moves it: [`open_book`] locks, a decision of `domain::ledger` changes the
//! book, and [`post`] writes what it did and returns its events. What clients ask for most, transfers and cards, goes through the
//! [`LedgerWriter`], which does many of them in one transaction.

mod balance;
mod batch;
mod command;
mod events;
mod holds;
mod in_flight;
mod issue_card;
mod metrics;
mod reading;
mod statement;
mod statement_names;
mod verifying;
mod writer;

use service_kit::ids::new_event_id;
use shared_events::EventId;

use crate::domain::ledger::{Book, Caller, Done, LedgerAccount, LedgerId, StripeKey, Transfer, TransferId};
use crate::domain::scope::Scope;
use crate::store::ledger::{self, Decided, TransferKey, Wait};
use crate::store::{Ctx, Db, PendingEvent, StoreError};

pub use balance::{SetMoney, SetMoneyError};
pub(crate) use balance::{open_with, set_money};
pub use command::{Command, Posted, Request, TransferError};
use events::event_of;
pub use holds::{expire_holds, refresh_held};
pub use issue_card::{IssueCard, IssueCardError};
#[cfg(test)]
pub(crate) use metrics::code_of;
pub use reading::{BalanceAt, balance_at, find_transfer, list_entries, list_transfers};
pub use statement::{
    OpenedStatement, SeqRange, StatementError, StatementOrder, open_statement, statement_amounts, statement_page,
};
pub use verifying::verify;
pub use writer::{BatchError, LedgerWriter};

/// The rows of the ledger that a transaction needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    pub(crate) accounts: Vec<LedgerId>,
    pub(crate) transfers: Vec<TransferId>,
    pub(crate) stripes: Vec<StripeKey>,
}

/// The balance beyond which a stripe is followed by another one: a whole batch of the largest amounts fits above it.
const FULL: i64 = i64::MAX / 2;

/// Locks what is needed, in the order that all transactions keep. Returns the ledger accounts of the stripes in the order given.
pub(crate) fn open_book(
    db: &mut Db,
    ctx: &Ctx,
    needs: &Needs,
    wait: Wait,
) -> Result<(Book, Vec<LedgerId>), StoreError> {
    let transfers = ledger::lock_transfers(db, &needs.transfers, wait)?;
    lock_sides(db, ctx, needs, transfers, wait)
}

/// The rest of [`open_book`], for transfers that are locked.
fn lock_sides(
    db: &mut Db,
    ctx: &Ctx,
    needs: &Needs,
    transfers: Vec<Transfer>,
    wait: Wait,
) -> Result<(Book, Vec<LedgerId>), StoreError> {
    let found = ledger::find_stripes(db, &needs.stripes)?;
    let mut stripes = Vec::with_capacity(needs.stripes.len());
    for key in &needs.stripes {
        stripes.push(match found.get(key) {
            Some(id) => *id,
            None => make_stripe(db, ctx, *key)?,
        });
    }
    let ids: Vec<LedgerId> = needs.accounts.iter().chain(&stripes).copied().collect();
    let mut accounts = ledger::lock_accounts(db, &ids, wait)?;
    for (id, key) in stripes.iter_mut().zip(&needs.stripes) {
        let is_full = |account: &LedgerAccount| account.id == *id && !(-FULL..=FULL).contains(&account.balance);
        if accounts.iter().any(is_full) {
            *id = make_stripe(db, ctx, key.next())?;
            accounts.extend(ledger::lock_accounts(db, &[*id], wait)?);
        }
    }
    // Without a ledger account nothing is posted, and no time is needed.
    let now = if ids.is_empty() { ctx.now } else { ledger::now(db, ctx)? };
    Ok((Book::new(now, accounts, transfers), stripes))
}

/// Makes a stripe on first use.
fn make_stripe(db: &mut Db, ctx: &Ctx, key: StripeKey) -> Result<LedgerId, StoreError> {
    ledger::make_stripe(db, ctx, key, ctx.now).map_err(|error| match error {
        // Another transaction has made it.
        StoreError::UniqueViolation => StoreError::Serialization,
        error => error,
    })
}

/// Writes what was done; returns an event for each effect.
pub(crate) fn post(db: &mut Db, book: &Book, done: Vec<Done>) -> Result<Vec<PendingEvent>, StoreError> {
    let (decided, events): (Vec<_>, Vec<_>) = done.into_iter().map(|done| decide(done, None)).unzip();
    ledger::save(db, book, &decided, &[])?;
    Ok(events)
}

/// Gives an effect its event.
fn decide(done: Done, key: Option<TransferKey>) -> (Decided, PendingEvent) {
    let id: EventId = new_event_id();
    let event = event_of(id, &done);
    (Decided { done, event_id: Some(id.to_string()), key }, event)
}

/// The caller of an operation.
pub(crate) fn caller(ctx: &Ctx, scope: Scope) -> Caller {
    Caller { user_id: ctx.user_id, scope }
}
