//! Accounts: a client's money at a bank.

use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, BankId, ClientId, Currency};

use super::balance::Balance;

/// An account. Its currency, its client and its bank stay what they were when it was opened. Its owner is the client's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Account {
    /// The account's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: AccountId,
    /// In the minor unit of `currency`: 520 is 5.20 EUR.
    #[schema(value_type = i64, minimum = 0, example = 520)]
    pub balance: Balance,
    /// ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Currency,
    /// The client that holds the account.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub client_id: ClientId,
    /// The bank that the account is at.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub bank_id: BankId,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Account> for events::Account {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            balance: account.balance.minor(),
            currency: account.currency,
            client_id: account.client_id,
            bank_id: account.bank_id,
        }
    }
}

/// Who holds an account, as its mail needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// The client's name.
    pub name: String,
    /// The address of the client's user.
    pub email: String,
}

impl Account {
    /// The facts of `account.created`.
    pub fn opened(&self, holder: &Holder) -> events::AccountCreated {
        events::AccountCreated {
            id: self.id,
            name: holder.name.clone(),
            client_id: self.client_id,
            bank_id: self.bank_id,
            balance: self.balance.minor(),
            currency: self.currency,
            email: holder.email.clone(),
        }
    }
}
