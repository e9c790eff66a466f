//! Cards.

use serde::{Deserialize, Serialize};

use super::Verb::{Create, Delete, Update};
use super::{PUBLIC, declare_events, example_id};
use crate::ids::{AccountId, CardId};

/// A card; `balance` is in the minor unit of its account's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Card {
    pub id: CardId,
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub balance: i64,
    pub account_id: AccountId,
}

fn card() -> Card {
    Card { id: example_id(1), balance: 100, account_id: example_id(1) }
}

declare_events! {
    CARD:
    CardCreated(Card) = "card.created", PUBLIC.live("card", Create), "A card was issued.",
        |card| format!("Card created with ID: {}", card.id), card();
    CardUpdated(Card) = "card.updated", PUBLIC.live("card", Update), "A card was changed.",
        |card| format!("Card updated with ID: {}", card.id), card();
    CardDeleted(Card) = "card.deleted", PUBLIC.live("card", Delete), "A card was deleted.",
        |card| format!("Card deleted with ID: {}", card.id), card();
}
