//! A card to be issued: the writer does it, with the transfers of the same moment.

use crate::domain::card::{Card, NewCard};
use crate::domain::policy::{OutOfScope, Scope};
use crate::store::ledger::TransferKey;
use crate::store::{BodyOf, Ctx, IdempotencyError, IdempotencyKey, StoreError};

/// A card for an account within the scope.
#[derive(Debug, Clone)]
pub struct IssueCard {
    pub ctx: Ctx,
    pub scope: Scope,
    pub wanted: NewCard,
    /// Under it the same request gets the same response, for 24 hours; later a card with money is refused.
    pub key: Option<IdempotencyKey>,
    /// Writes the response.
    pub body_of: BodyOf<Card>,
}

impl IssueCard {
    /// The key that the transfer of its first balance keeps for good. If there is none, no other transfer may have it either.
    pub(super) fn transfer_key(&self) -> Option<TransferKey> {
        self.key.as_ref().map(|key| TransferKey::of(key, 0))
    }
}

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
