//! A card to be issued: the writer does it, with the transfers of the same moment.

use shared_events::AccountId;

use crate::domain::balance::Balance;
use crate::domain::card::Card;
use crate::domain::policy::{OutOfScope, Scope};
use crate::store::{BodyOf, Ctx, IdempotencyError, IdempotencyKey, StoreError};

/// A card for an account within the scope; its balance comes from the bank's `opening`.
#[derive(Debug, Clone)]
pub struct IssueCard {
    pub ctx: Ctx,
    pub scope: Scope,
    pub account: AccountId,
    pub balance: Balance,
    /// Under it the same request gets the same response, for 24 hours.
    pub key: Option<IdempotencyKey>,
    /// Writes the response.
    pub body_of: BodyOf<Card>,
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
