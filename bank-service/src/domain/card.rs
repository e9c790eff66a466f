//! Cards: means of payment from an account.

use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, CardId};

use super::balance::Balance;

/// A card; it stays with its account. Its owner is the account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Card {
    /// The card's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: CardId,
    /// In the minor unit of the account's currency.
    #[schema(value_type = i64, minimum = 0, example = 100)]
    pub balance: Balance,
    /// The account that the card belongs to.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub account_id: AccountId,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Card> for events::Card {
    fn from(card: &Card) -> Self {
        Self { id: card.id, balance: card.balance.minor(), account_id: card.account_id }
    }
}
