//! Deletes the children of a parent first: each deletion has its own event, all in the parent's transaction.
//!
//! Children are read, deleted in one statement per table, and the counts compared: if a child was added or removed in between, the
//! whole transaction starts over. Limit: [`LIMIT`] children of one kind; beyond it nothing is deleted.

use shared_events::events::{self, AccountDeleted, BranchDeleted, CardDeleted, ClientDeleted};
use shared_events::{BankId, UserId};

use super::errors::{CloseError, TooMany, retry_if_referred_to, written};
use crate::store::accounts::Parent;
use crate::store::cards::Ancestor;
use crate::store::{self, Db, PendingEvent};

/// The most accounts, cards or branches that one deletion includes.
pub(super) const LIMIT: usize = 10_000;

pub(super) fn delete_cards(db: &mut Db, ancestor: Ancestor) -> Result<Vec<PendingEvent>, CloseError> {
    let cards = store::cards::load_of(db, ancestor, one_beyond())?;
    check(cards.len())?;
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    written(store::cards::delete_of(db, ancestor)? == cards.len())?;
    Ok(cards.iter().map(|card| PendingEvent::new(&CardDeleted(events::Card::from(card)))).collect())
}

/// Also deletes the accounts' cards.
pub(super) fn delete_accounts(db: &mut Db, parent: Parent) -> Result<Vec<PendingEvent>, CloseError> {
    let accounts = store::accounts::load_of(db, parent, one_beyond())?;
    check(accounts.len())?;
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ancestor = match parent {
        Parent::Bank(id) => Ancestor::Bank(id),
        Parent::Client(id) => Ancestor::Client(id),
    };
    let mut events = delete_cards(db, ancestor)?;
    let deleted = store::accounts::delete_of(db, parent).map_err(retry_if_referred_to)?;
    written(deleted == accounts.len())?;
    events.extend(accounts.iter().map(|account| PendingEvent::new(&AccountDeleted(events::Account::from(account)))));
    Ok(events)
}

pub(super) fn delete_branches(db: &mut Db, bank: BankId) -> Result<Vec<PendingEvent>, CloseError> {
    let branches = store::branches::load_of_bank(db, bank, one_beyond())?;
    check(branches.len())?;
    written(store::branches::delete_of_bank(db, bank)? == branches.len())?;
    Ok(branches.iter().map(|branch| PendingEvent::new(&BranchDeleted(events::Branch::from(branch)))).collect())
}

/// Deletes the client of a user, if there is one, with its accounts and their cards.
pub(crate) fn delete_client_of(db: &mut Db, user: UserId) -> Result<Vec<PendingEvent>, CloseError> {
    let Some(client) = store::clients::find_by_user(db, user)? else { return Ok(Vec::new()) };
    let mut events = delete_accounts(db, Parent::Client(client.id))?;
    written(store::clients::delete(db, &client).map_err(retry_if_referred_to)?)?;
    events.push(PendingEvent::new(&ClientDeleted(events::Client::from(&client))));
    Ok(events)
}

fn check(count: usize) -> Result<(), TooMany> {
    if count > LIMIT { Err(TooMany { limit: LIMIT }) } else { Ok(()) }
}

fn one_beyond() -> i64 {
    i64::try_from(LIMIT).unwrap_or(i64::MAX).saturating_add(1)
}
