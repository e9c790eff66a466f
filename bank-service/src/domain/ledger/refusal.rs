//! Why a change of money is refused.

use super::{Amount, LedgerId};
use crate::domain::scope::OutOfScope;

/// Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The debited side, or the transfer, is not the caller's to act on.
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error("from and to are the same")]
    SameAccount,
    #[error("the currencies differ")]
    CurrencyMismatch,
    /// `available` is that of the debited side, which is the caller's.
    #[error("there is not enough money")]
    InsufficientFunds { available: i64 },
    /// As above, where the caller may not know how much there is: it is the receiver's.
    #[error("the receiver has spent the money")]
    SpentByReceiver,
    /// For those who may not know more: missing, closed, or of another currency.
    #[error("there is no such recipient")]
    UnknownRecipient,
    #[error("there is no such recipient")]
    NoSuchRecipient,
    #[error("the account is closed")]
    AccountClosed,
    #[error("the balance would be out of range")]
    BalanceOutOfRange,
    /// A bank's own ledger account can take no more in this transaction; the next one begins with another stripe. Only the rests of
    /// many accounts that are deleted at once are so much.
    #[error("a ledger account is full")]
    StripeFull(LedgerId),
    #[error("the hold has ended")]
    HoldEnded,
    /// Only holds are captured and voided.
    #[error("the transfer is no hold")]
    NotHeld,
    #[error("more than was held")]
    MoreThanHeld { held: Amount },
    /// Only posted transfers are reversed.
    #[error("the transfer is not posted")]
    NotPosted,
    #[error("a transfer of this kind is not reversed")]
    NotReversible,
    #[error("more than is left of the transfer")]
    MoreThanLeft { left: i64 },
    #[error("the overdraft is in use")]
    OverdraftInUse,
    /// The balance would be below what is held.
    #[error("the money is held")]
    BelowHeld { held: i64 },
    /// A ledger account that has to exist was not loaded.
    #[error("a ledger account is missing")]
    Missing(LedgerId),
}
