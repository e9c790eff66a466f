//! Errors that several operations share.

use crate::domain::ledger::Refusal;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::version::Expected;
use crate::store::StoreError;

/// Why something was not read.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Why an item was not deleted with everything that depends on it.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    InUse(#[from] AccountInUse),
    /// The money of a card does not fit into its account, or that of all accounts into a ledger account of their bank.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(FindError, ChangeError, CloseError);

/// The item is not in the version that the change expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the item was changed meanwhile")]
pub struct Stale;

/// More items depend on this one than one transaction deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} items would be deleted")]
pub struct TooMany {
    pub limit: usize,
}

/// The most accounts, cards, holds or branches that one deletion includes.
const LIMIT: usize = 10_000;

/// Refuses a deletion that includes too many of one kind.
pub(crate) fn check_count(count: usize) -> Result<(), TooMany> {
    if count > LIMIT { Err(TooMany { limit: LIMIT }) } else { Ok(()) }
}

/// How many are loaded to see whether there are too many.
pub(crate) fn one_beyond() -> i64 {
    i64::try_from(LIMIT).unwrap_or(i64::MAX).saturating_add(1)
}

/// Why an owner cannot close an account or a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountInUse {
    #[error("money is held for somebody else")]
    Held,
    #[error("the account is overdrawn")]
    Overdrawn,
    /// Owners may not close one with money in it.
    #[error("there is money in it")]
    NotEmpty,
}

/// Refuses a change of an item that is not in the version that the change expects.
pub(crate) fn check_version(expected: &Expected, version: i64) -> Result<(), Stale> {
    if expected.accepts(version) { Ok(()) } else { Err(Stale) }
}

/// Returns the item, or the error for a missing one.
pub(crate) fn found<T>(item: Option<T>, scope: Scope, what: &'static str) -> Result<T, OutOfScope> {
    item.ok_or_else(|| scope.missing(what))
}

/// A guarded write must match its row: if not, another transaction committed first, and this one starts over.
pub(crate) fn written(done: bool) -> Result<(), StoreError> {
    if done { Ok(()) } else { Err(StoreError::Serialization) }
}

/// Children added meanwhile prevent a deletion, which then starts over and includes them.
pub(crate) fn retry_if_referred_to(error: StoreError) -> StoreError {
    match error {
        StoreError::ForeignKeyViolation => StoreError::Serialization,
        error => error,
    }
}
