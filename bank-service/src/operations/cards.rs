//! Cards of accounts. Reading and issuing a card are the most frequent operations: one query, and two statements.

use service_kit::http::paging::{ListQuery, Listing};
use shared_events::events::{self, CardCreated, CardDeleted, CardUpdated};
use shared_events::{AccountId, CardId};

use super::errors::{ChangeError, FindError, Stale, found, retry_if_referred_to, written};
use crate::domain::balance::Balance;
use crate::domain::card::Card;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::version::Expected;
use crate::store::{self, Ctx, Db, IdempotencyError, Outcome, Store, StoreError};

const WHAT: &str = "card";

/// Why a card was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueCardError {
    /// The account was not found.
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(IssueCardError);

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
    let Some(account) = account else { return Ok(store::cards::list(db, scope, query)?) };
    found(store::accounts::find(db, scope, account)?, scope, "account")?;
    Ok(store::cards::list_of_account(db, account, query)?)
}

pub fn issue_card(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    account: AccountId,
    balance: Balance,
) -> Result<Outcome<Card>, IssueCardError> {
    found(store::accounts::find(db, scope, account)?, scope, "account")?;
    let card = Card { id: ctx.next_id()?, balance, account_id: account, version: 1 };
    store::cards::insert(db, &card).map_err(retry_if_referred_to)?;
    let event = CardCreated(events::Card::from(&card));
    Ok(Outcome::new(card).event(&event))
}

/// Sets the balance, if given and different.
pub fn update_card(
    db: &mut Db,
    scope: Scope,
    id: CardId,
    balance: Option<Balance>,
    expected: &Expected,
) -> Result<Outcome<Card>, ChangeError> {
    let mut card = found(store::cards::find(db, scope, id)?, scope, WHAT)?;
    if !expected.accepts(card.version) {
        return Err(Stale.into());
    }
    let Some(balance) = balance.filter(|balance| *balance != card.balance) else { return Ok(Outcome::new(card)) };
    card.balance = balance;
    card.version = card.version.saturating_add(1);
    written(store::cards::update(db, &card)?)?;
    let event = CardUpdated(events::Card::from(&card));
    Ok(Outcome::new(card).event(&event))
}

pub fn cancel_card(db: &mut Db, scope: Scope, id: CardId, expected: &Expected) -> Result<Outcome<Card>, ChangeError> {
    let card = found(store::cards::find(db, scope, id)?, scope, WHAT)?;
    if !expected.accepts(card.version) {
        return Err(Stale.into());
    }
    written(store::cards::delete(db, &card)?)?;
    let event = CardDeleted(events::Card::from(&card));
    Ok(Outcome::new(card).event(&event))
}
