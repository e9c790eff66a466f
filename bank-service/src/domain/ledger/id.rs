//! The ids of ledger accounts.

use shared_events::{AccountId, CardId};

/// The ledger account of account `n` is `2n`, that of card `n` is `2n + 1`, so neither has to be looked up; those of a bank itself
/// are negative, from a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerId(i64);

impl LedgerId {
    pub fn of_account(id: AccountId) -> Self {
        Self(id.get().saturating_mul(2))
    }

    pub fn of_card(id: CardId) -> Self {
        Self(id.get().saturating_mul(2).saturating_add(1))
    }

    /// The id in a row.
    pub fn stored(id: i64) -> Self {
        Self(id)
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The account that it belongs to, if to an account.
    pub fn account(self) -> Option<AccountId> {
        if self.0 % 2 == 0 { AccountId::try_new(self.0 / 2).ok() } else { None }
    }

    /// The card that it belongs to, if to a card.
    pub fn card(self) -> Option<CardId> {
        if self.0 % 2 == 1 { CardId::try_new(self.0 / 2).ok() } else { None }
    }
}
