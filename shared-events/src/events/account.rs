//! Bank accounts.

use serde::{Deserialize, Serialize};

use super::{Event, event, example_id};
use crate::ids::{AccountId, BankId, ClientId};
use crate::money::Currency;

/// An account; `balance` is in the minor unit of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    pub id: AccountId,
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub balance: i64,
    pub currency: Currency,
    pub client_id: ClientId,
    pub bank_id: BankId,
}

/// `account.created`: a bank account is opened. Carries what its mail needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountCreated {
    pub id: AccountId,
    /// The client's name.
    pub name: String,
    pub client_id: ClientId,
    pub bank_id: BankId,
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub balance: i64,
    pub currency: Currency,
    /// Where the mail goes: the address of the client's user.
    pub email: String,
}

impl Event for AccountCreated {
    const TYPE: &'static str = "account.created";
    const ABOUT: &'static str = "A bank account was opened.";

    fn message(&self) -> String {
        format!("Account created with ID: {}", self.id)
    }

    fn example() -> Self {
        let Account { id, balance, currency, client_id, bank_id } = account();
        let (name, email) = ("John Doe".to_owned(), "john.doe@example.com".to_owned());
        Self { id, name, client_id, bank_id, balance, currency, email }
    }
}

fn account() -> Account {
    Account {
        id: example_id(1),
        balance: 520,
        currency: Currency::EUR,
        client_id: example_id(1),
        bank_id: example_id(1),
    }
}

event!(
    AccountUpdated(Account) = "account.updated",
    "A bank account was changed.",
    |account| format!("Account updated with ID: {}", account.id),
    account()
);
event!(
    AccountDeleted(Account) = "account.deleted",
    "A bank account was closed.",
    |account| format!("Account deleted with ID: {}", account.id),
    account()
);
