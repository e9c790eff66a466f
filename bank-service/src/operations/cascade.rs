//! Deletes the children of a parent first: each deletion has its own event, all in the parent's transaction.
//!
//! Accounts are locked before anything else, as by those who add a card to one: holds and ledger accounts come after them in the order
//! of locks. Children are read, deleted in one statement per table, and the counts compared: if a child was added or removed in between,
//! the whole transaction starts over. Limit: [`LIMIT`](super::errors) children of one kind; beyond it nothing is deleted.

use shared_events::events::{self, AccountDeleted, BranchDeleted, CardDeleted, ClientDeleted};
use shared_events::{AccountId, BankId, UserId};

use super::closing::Closing;
use super::errors::{CloseError, check_count as check, check_version, one_beyond, retry_if_referred_to, written};
use crate::domain::account::Account;
use crate::domain::card::Card;
use crate::domain::ledger::Caller;
use crate::domain::scope::Scope;
use crate::domain::version::Expected;
use crate::store::accounts::Parent;
use crate::store::cards::Ancestor;
use crate::store::former_names::{self, Party};
use crate::store::{self, Ctx, Db, PendingEvent, StoreError};

/// Deletes an account and its cards.
pub(super) fn delete_account(
    db: &mut Db,
    ctx: &Ctx,
    caller: Caller,
    account: &Account,
    expected: &Expected,
) -> Result<(Account, Vec<PendingEvent>), CloseError> {
    written(store::accounts::lock(db, &[account.id])?)?;
    let cards = store::cards::load_of(db, Ancestor::Account(account.id), one_beyond())?;
    check(cards.len())?;
    let mut closing = Closing::begin(db, ctx, caller, &cards, &[account.id])?;
    let account = closing.account(account)?;
    check_version(expected, account.version)?;
    let deleted = delete_cards(db, &closing, &cards, Ancestor::Account(account.id))?;
    let mut events = closing.post(db)?;
    events.extend(deleted);
    written(store::accounts::delete(db, account.id).map_err(retry_if_referred_to)?)?;
    Ok((account, events))
}

/// Deletes the accounts of a parent, with their cards and their money.
pub(super) fn delete_accounts(
    db: &mut Db,
    ctx: &Ctx,
    caller: Caller,
    parent: Parent,
) -> Result<Vec<PendingEvent>, CloseError> {
    let accounts = store::accounts::load_of(db, parent, one_beyond())?;
    check(accounts.len())?;
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ancestor = match parent {
        Parent::Bank(id) => Ancestor::Bank(id),
        Parent::Client(id) => Ancestor::Client(id),
    };
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
    written(store::accounts::lock(db, &ids)?)?;
    let cards = store::cards::load_of(db, ancestor, one_beyond())?;
    check(cards.len())?;
    let mut closing = Closing::begin(db, ctx, caller, &cards, &ids)?;
    let deleted = delete_cards(db, &closing, &cards, ancestor)?;
    let closed: Vec<Account> = accounts.iter().map(|account| closing.account(account)).collect::<Result<_, _>>()?;
    let mut events = closing.post(db)?;
    events.extend(deleted);
    let deleted = store::accounts::delete_of(db, parent).map_err(retry_if_referred_to)?;
    written(deleted == closed.len())?;
    events.extend(closed.iter().map(|account| PendingEvent::new(&AccountDeleted(events::Account::from(account)))));
    Ok(events)
}

/// Deletes cards whose money is locked; returns their events.
fn delete_cards(
    db: &mut Db,
    closing: &Closing,
    cards: &[Card],
    ancestor: Ancestor,
) -> Result<Vec<PendingEvent>, StoreError> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    written(store::cards::delete_of(db, ancestor)? == cards.len())?;
    let event = |card| Ok(PendingEvent::new(&CardDeleted(events::Card::from(&closing.card(card)?))));
    cards.iter().map(event).collect()
}

pub(super) fn delete_branches(db: &mut Db, bank: BankId) -> Result<Vec<PendingEvent>, CloseError> {
    let branches = store::branches::load_of_bank(db, bank, one_beyond())?;
    check(branches.len())?;
    written(store::branches::delete_of_bank(db, bank)? == branches.len())?;
    Ok(branches.iter().map(|branch| PendingEvent::new(&BranchDeleted(events::Branch::from(branch)))).collect())
}

/// Deletes the client of a user, if there is one, with its accounts and their cards.
pub(crate) fn delete_client_of(db: &mut Db, ctx: &Ctx, user: UserId) -> Result<Vec<PendingEvent>, CloseError> {
    let Some(client) = store::clients::find_by_user(db, user)? else { return Ok(Vec::new()) };
    let caller = Caller { user_id: ctx.user_id, scope: Scope::All };
    let mut events = delete_accounts(db, ctx, caller, Parent::Client(client.id))?;
    written(store::clients::delete(db, &client).map_err(retry_if_referred_to)?)?;
    former_names::keep(db, ctx, Party::Client(client.id), &client.name)?;
    events.push(PendingEvent::new(&ClientDeleted(events::Client::from(&client))));
    Ok(events)
}
