//! Cards: means of payment from an account.

use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, CardId, Currency};

use super::balance::Balance;
use super::ledger::LedgerAccount;

/// A card: a pot of money of its own. It stays with its account, whose currency and owner it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Card {
    /// The card's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: CardId,
    /// In the minor unit of the account's currency.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 100)]
    pub balance: i64,
    /// The account that the card belongs to.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub account_id: AccountId,
    /// Money that open holds keep from being spent.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 0)]
    pub held: i64,
    /// Money that may be spent: the balance without what is held.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 100)]
    pub available: i64,
    /// The account's; not part of a body.
    #[serde(skip)]
    pub currency: Currency,
    /// The number of its ledger account's entries and one; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

/// The fields of a card to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCard {
    pub account_id: AccountId,
    /// It comes from the bank's `opening`.
    pub balance: Balance,
}

impl NewCard {
    /// A card without optional fields.
    pub fn new(account_id: AccountId, balance: Balance) -> Self {
        Self { account_id, balance }
    }

    /// The card, once its ledger account is open and has the first balance.
    pub fn issued(&self, id: CardId, ledger: &LedgerAccount) -> Card {
        Card::new(id, self.account_id, ledger)
    }
}

impl Card {
    /// A card of its own fields and of its ledger account.
    pub fn new(id: CardId, account_id: AccountId, ledger: &LedgerAccount) -> Self {
        Self {
            id,
            balance: ledger.balance,
            account_id,
            held: ledger.held,
            available: ledger.shown_available(),
            currency: ledger.currency,
            version: ledger.version(),
        }
    }

    /// The card with what its ledger account says now.
    #[must_use]
    pub fn with_money(&self, ledger: &LedgerAccount) -> Self {
        Self::new(self.id, self.account_id, ledger)
    }
}

impl From<&Card> for events::Card {
    fn from(card: &Card) -> Self {
        Self { id: card.id, balance: card.balance, account_id: card.account_id }
    }
}
