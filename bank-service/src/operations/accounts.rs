//! Accounts: opened by the client's owner, closed with their cards.

use service_kit::http::paging::{ListQuery, Listing};
use shared_events::events::{self, AccountDeleted, AccountUpdated};
use shared_events::{AccountId, BankId, ClientId, Currency, UserId};

use super::cascade;
use super::errors::{CloseError, FindError, check_version, found, retry_if_referred_to};
use super::ledger::{SetMoney, SetMoneyError, caller, open_with, set_money};
use crate::domain::account::Account;
use crate::domain::balance::Balance;
use crate::domain::bank::Bank;
use crate::domain::ledger::{LedgerAccount, LedgerId};
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::version::Expected;
use crate::store::accounts::Parent;
use crate::store::ledger::TransferKey;
use crate::store::named::NamedItem;
use crate::store::{self, Ctx, Db, IdempotencyError, IdempotencyKey, Outcome, Store, StoreError};

const WHAT: &str = "account";

/// An account to be opened.
#[derive(Debug, Clone)]
pub struct OpenAccount {
    /// None: the client of the caller.
    pub client_id: Option<ClientId>,
    pub bank_id: BankId,
    pub balance: Balance,
    pub currency: Currency,
}

/// A missing item that a new account refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Client,
    /// No client was given, and the caller has none.
    OwnClient,
    Bank,
}

/// Why an account was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenAccountError {
    /// The client is out of the caller's scope.
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error("it refers to what is not there: {0:?}")]
    Unknown(Vec<Unknown>),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(OpenAccountError);

pub async fn find_account(store: &Store, scope: Scope, id: AccountId) -> Result<Account, FindError> {
    Ok(found(store.account(scope, id).await?, scope, WHAT)?)
}

/// A page of the accounts within the scope; of one bank or client, if given. A client out of scope is not found.
pub fn list_accounts(
    db: &mut Db,
    scope: Scope,
    parent: Option<Parent>,
    query: &ListQuery,
) -> Result<Listing<Account>, FindError> {
    match parent {
        Some(Parent::Bank(id)) => drop(found(Bank::find(db, id)?, Scope::All, Bank::WHAT)?),
        Some(Parent::Client(id)) => drop(found(store::clients::find(db, scope, id)?, scope, "client")?),
        None => {}
    }
    Ok(store::accounts::list(db, scope, parent, query)?)
}

/// Opens an account for a client within the scope. Its event contains the data for its mail. The key of the request is kept for good
/// by the transfer of a first balance.
pub fn open_account(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    command: &OpenAccount,
    key: Option<&IdempotencyKey>,
) -> Result<Outcome<Account>, OpenAccountError> {
    let key = key.map(|key| TransferKey::of(key, 0));
    let mut unknown = Vec::new();
    let client_id = match command.client_id {
        Some(client_id) => Some(client_id),
        None => client_of(db, ctx.user_id)?,
    };
    let mut client = None;
    match client_id {
        None => unknown.push(Unknown::OwnClient),
        Some(client_id) => match (store::clients::holder(db, scope, client_id)?, scope) {
            (Some(holder), _) => client = Some((client_id, holder)),
            (None, Scope::All) => unknown.push(Unknown::Client),
            (None, Scope::Own(_)) => return Err(scope.missing("client").into()),
        },
    }
    if Bank::find(db, command.bank_id)?.is_none() {
        unknown.push(Unknown::Bank);
    }
    let Some((client_id, holder)) = client.filter(|_| unknown.is_empty()) else {
        return Err(OpenAccountError::Unknown(unknown));
    };
    let OpenAccount { bank_id, balance, currency, .. } = *command;
    let id: AccountId = ctx.next_id()?;
    let iban = ctx.ibans.as_ref().and_then(|ibans| ibans.of(id.get())).map(|iban| iban.to_string());
    store::accounts::insert(db, id, currency, client_id, bank_id, iban.as_deref()).map_err(retry_if_referred_to)?;
    let opened = LedgerAccount::of_account(id, (client_id, holder.user_id), bank_id, currency, ctx.now);
    let opened = LedgerAccount { iban, holder: holder.name.clone(), ..opened };
    let (opened, posted) = open_with(db, ctx, scope, opened, balance, key.as_ref())?;
    let account = Account::new(id, client_id, &opened);
    let event = account.opened(&holder);
    Ok(Outcome::new(account).event(&event).events(posted))
}

fn client_of(db: &mut Db, user: Option<UserId>) -> Result<Option<ClientId>, StoreError> {
    let Some(user) = user else { return Ok(None) };
    Ok(store::clients::find_by_user(db, user)?.map(|client| client.id))
}

/// Sets what is given and different: a balance against the bank's `adjustments`, and the limit of the overdraft.
pub fn update_account(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: AccountId,
    wanted: SetMoney,
    expected: &Expected,
) -> Result<Outcome<Account>, SetMoneyError> {
    let account = found(store::accounts::find(db, scope, id)?, scope, WHAT)?;
    let check = |ledger: &LedgerAccount| check_version(expected, account.with_money(ledger).version);
    let (ledger, is_changed, posted) = set_money(db, ctx, scope, LedgerId::of_account(id), wanted, check)?;
    let account = account.with_money(&ledger);
    if !is_changed {
        return Ok(Outcome::new(account));
    }
    let event = AccountUpdated(events::Account::from(&account));
    Ok(Outcome::new(account).event(&event).events(posted))
}

/// Deletes an account with its cards. What is left of its money goes to the bank's `closed`.
pub fn close_account(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: AccountId,
    expected: &Expected,
) -> Result<Outcome<Account>, CloseError> {
    let account = found(store::accounts::find(db, scope, id)?, scope, WHAT)?;
    let (account, money) = cascade::delete_account(db, ctx, caller(ctx, scope), &account, expected)?;
    let event = AccountDeleted(events::Account::from(&account));
    Ok(Outcome::new(account).events(money).event(&event))
}
