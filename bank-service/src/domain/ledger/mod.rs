//! The ledger: double entry, decided in memory over loaded ledger accounts. No clock, no store.
//!
//! Every change of money is a [`Transfer`] from one ledger account to another. It leaves an [`Entry`] in each ledger account that it
//! changes; the amounts of a transfer's entries sum to zero. A [`Book`] holds what a transaction has loaded and locked; the
//! functions of [`decision`](self) either change it as a whole or refuse and change nothing.

mod account;
mod amount;
mod book;
mod entry;
mod hold;
mod id;
mod items;
mod refusal;
mod reversal;
mod transfer;
mod transferring;

pub use account::{LedgerAccount, LedgerKind, Owner, STRIPES, StripeKey, System, shown_available};
pub use amount::{Amount, AmountError};
pub use book::{Book, Change, Done};
pub use entry::{Entry, EntryView};
pub use hold::{capture, expire, void};
pub use id::LedgerId;
pub use items::{adjust, close, open, set_overdraft_limit};
pub use refusal::Refusal;
pub use reversal::reverse;
pub use transfer::{Caller, Text, Transfer, TransferId, TransferKind, TransferStatus};
pub use transferring::{Order, transfer};

#[cfg(test)]
mod tests;
