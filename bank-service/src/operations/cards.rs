//! Cards of accounts. Reading one is the most frequent operation: one query. The writer of the ledger issues them.

use service_kit::http::paging::{ListQuery, Listing};
use shared_events::events::{self, AccountUpdated, CardDeleted, CardUpdated};
use shared_events::{AccountId, CardId};

use super::closing::Closing;
use super::errors::{CloseError, FindError, check_version, found, written};
use super::ledger::{SetMoney, SetMoneyError, caller, set_money};
use crate::domain::balance::Balance;
use crate::domain::card::Card;
use crate::domain::ledger::{LedgerAccount, LedgerId};
use crate::domain::policy::Scope;
use crate::domain::version::Expected;
use crate::store::{self, Ctx, Db, Outcome, Store};

const WHAT: &str = "card";

/// The changes to a card; fields not given stay.
#[derive(Debug, Clone, Default)]
pub struct UpdateCard {
    pub balance: Option<Balance>,
}

pub async fn find_card(store: &Store, scope: Scope, id: CardId) -> Result<Card, FindError> {
    Ok(found(store.card(scope, id).await?, scope, WHAT)?)
}

/// A page of the cards within the scope; of one account, if given. An account out of scope is not found.
pub fn list_cards(
    db: &mut Db,
    scope: Scope,
    account: Option<AccountId>,
    query: &ListQuery,
) -> Result<Listing<Card>, FindError> {
    if let Some(account) = account {
        found(store::accounts::find(db, scope, account)?, scope, "account")?;
    }
    Ok(store::cards::list(db, scope, account, query)?)
}

/// Sets the balance, if given and different: the difference is posted against the bank's `adjustments`.
pub fn update_card(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: CardId,
    command: &UpdateCard,
    expected: &Expected,
) -> Result<Outcome<Card>, SetMoneyError> {
    let card = found(store::cards::find(db, scope, id)?, scope, WHAT)?;
    let wanted = SetMoney { balance: command.balance, overdraft_limit: None };
    let check = |ledger: &LedgerAccount| check_version(expected, card.with_money(ledger).version);
    let (ledger, is_changed, posted) = set_money(db, ctx, scope, LedgerId::of_card(id), wanted, check)?;
    let card = card.with_money(&ledger);
    if !is_changed {
        return Ok(Outcome::new(card));
    }
    let event = CardUpdated(events::Card::from(&card));
    Ok(Outcome::new(card).event(&event).events(posted))
}

/// Deletes a card; its money goes to its account.
pub fn cancel_card(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: CardId,
    expected: &Expected,
) -> Result<Outcome<Card>, CloseError> {
    let card = found(store::cards::find(db, scope, id)?, scope, WHAT)?;
    let mut closing = Closing::begin(db, ctx, caller(ctx, scope), std::slice::from_ref(&card), &[])?;
    let card = closing.card(&card)?;
    check_version(expected, card.version)?;
    let posted = closing.post(db)?;
    written(store::cards::delete(db, id)?)?;
    let event = CardDeleted(events::Card::from(&card));
    let outcome = Outcome::new(card).events(posted).event(&event);
    Ok(match Closing::changed_account(db, &outcome.value)? {
        Some(account) => outcome.event(&AccountUpdated(events::Account::from(&account))),
        None => outcome,
    })
}
