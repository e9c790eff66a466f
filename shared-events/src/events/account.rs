//! Bank accounts.

use serde::{Deserialize, Serialize};

use super::Verb::{Create, Delete, Update};
use super::{Destination, PUBLIC, declare_events, example_id};
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
    /// The recipient of the mail: the address of the client's user.
    pub email: String,
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

fn opened() -> AccountCreated {
    let Account { id, balance, currency, client_id, bank_id } = account();
    let (name, email) = ("John Doe".to_owned(), "john.doe@example.com".to_owned());
    AccountCreated { id, name, client_id, bank_id, balance, currency, email }
}

declare_events! {
    ACCOUNT:
    AccountCreated = "account.created", PUBLIC.live("account", Create).to(Destination::LogAndMail),
        "A bank account was opened.",
        |account| format!("Account created with ID: {}", account.id), opened();
    AccountUpdated(Account) = "account.updated", PUBLIC.live("account", Update), "A bank account was changed.",
        |account| format!("Account updated with ID: {}", account.id), account();
    AccountDeleted(Account) = "account.deleted", PUBLIC.live("account", Delete), "A bank account was closed.",
        |account| format!("Account deleted with ID: {}", account.id), account();
}
