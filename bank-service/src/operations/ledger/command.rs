//! Commands that clients give the ledger, and their results.

use crate::domain::ledger::{
    Amount, Caller, Done, LedgerAccount, LedgerId, Order, Refusal, Text, Transfer, TransferId, TransferKind,
};
use crate::store::ledger::TransferKey;
use crate::store::{Ctx, IdempotencyError, StoreError};

/// A change of money that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Transfer(Order),
    /// A deposit or withdrawal: against the bank's `cash`.
    Outside {
        kind: TransferKind,
        account: LedgerId,
        amount: Amount,
        text: Text,
    },
    Capture {
        hold: TransferId,
        amount: Option<Amount>,
    },
    Void {
        hold: TransferId,
    },
    /// Ends a hold that ran out.
    Expire {
        hold: TransferId,
    },
    Reverse {
        transfer: TransferId,
        amount: Option<Amount>,
        text: Text,
    },
}

impl Command {
    /// The kind of the transfer that it makes, or ends.
    pub(super) fn kind(&self) -> TransferKind {
        match self {
            Self::Transfer(order) => order.kind,
            Self::Outside { kind, .. } => *kind,
            Self::Capture { .. } | Self::Void { .. } | Self::Expire { .. } => TransferKind::Transfer,
            Self::Reverse { .. } => TransferKind::Reversal,
        }
    }

    /// The transfer that it changes.
    pub(super) fn changes(&self) -> Option<TransferId> {
        match self {
            Self::Transfer(_) | Self::Outside { .. } => None,
            Self::Capture { hold, .. } | Self::Void { hold } | Self::Expire { hold } => Some(*hold),
            Self::Reverse { transfer, .. } => Some(*transfer),
        }
    }
}

/// A command with its caller.
#[derive(Debug, Clone)]
pub struct Request {
    pub ctx: Ctx,
    pub caller: Caller,
    pub key: Option<TransferKey>,
    pub command: Command,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// As it was then, also if it is asked for again.
    pub transfer: Transfer,
    /// Both sides.
    pub from: LedgerAccount,
    pub to: LedgerAccount,
    /// The side that is the caller's, as it was then; the debited one, if both are or the caller is staff.
    pub own: LedgerAccount,
    pub event_id: Option<String>,
    /// Whether it had been done before, under the same key.
    pub is_replayed: bool,
}

impl Posted {
    /// The answer to what was done now.
    pub(super) fn of(done: Done, caller: Caller, event_id: Option<String>) -> Self {
        let Done { transfer, from, to, .. } = done;
        let own = if caller.owns_debited(&from, &to) { from.clone() } else { to.clone() };
        Self { transfer, from, to, own, event_id, is_replayed: false }
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(TransferError);
