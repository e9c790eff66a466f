//! Accounts: a client's money at a bank.

use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, BankId, ClientId, Currency, UserId};

use super::ledger::LedgerAccount;

/// An account. Its balance is that of its ledger account; its currency, its client and its bank stay what they were when it was opened. Its owner is the client's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Account {
    /// The account's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: AccountId,
    /// In the minor unit of `currency`: 520 is 5.20 EUR. Negative while an overdraft is used.
    #[schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64, example = 520)]
    pub balance: i64,
    /// ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Currency,
    /// The client that holds the account.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub client_id: ClientId,
    /// The bank that the account is at.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub bank_id: BankId,
    /// Money that open holds keep from being spent.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 0)]
    pub held: i64,
    /// Money that may be spent: the balance without what is held, and with the overdraft; at most 9007199254740991, the largest amount.
    #[schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64, example = 520)]
    pub available: i64,
    /// ISO 13616, without spaces; null until the service has given it one.
    #[schema(pattern = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$", example = "DE46000000000000000001")]
    pub iban: Option<String>,
    /// How far the account may be overdrawn.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 0)]
    pub overdraft_limit: i64,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl Account {
    /// An account of its own fields and of its ledger account.
    pub fn new(id: AccountId, client_id: ClientId, ledger: &LedgerAccount) -> Self {
        Self {
            id,
            balance: ledger.balance,
            currency: ledger.currency,
            client_id,
            bank_id: ledger.bank_id,
            held: ledger.held,
            available: ledger.shown_available(),
            iban: ledger.iban.clone(),
            overdraft_limit: ledger.min_balance.saturating_neg(),
            version: ledger.version(),
        }
    }

    /// The account with what its ledger account says now.
    #[must_use]
    pub fn with_money(&self, ledger: &LedgerAccount) -> Self {
        Self::new(self.id, self.client_id, ledger)
    }
}

impl From<&Account> for events::Account {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            balance: account.balance,
            currency: account.currency,
            client_id: account.client_id,
            bank_id: account.bank_id,
        }
    }
}

/// The holder of an account, with the facts that its mail needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    pub user_id: UserId,
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
            balance: self.balance,
            currency: self.currency,
            email: holder.email.clone(),
        }
    }
}
