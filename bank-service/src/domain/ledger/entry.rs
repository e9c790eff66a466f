//! Entries: what each change did to one ledger account.

use chrono::{DateTime, Utc};

use super::{LedgerAccount, LedgerId, Transfer, TransferId};

/// One change of one ledger account. It is never changed and never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub ledger_id: LedgerId,
    /// Counts the entries of the ledger account from 1, without gaps.
    pub seq: i64,
    /// None for a change of the limit.
    pub transfer_id: Option<TransferId>,
    /// Signed: a credit is positive.
    pub amount: i64,
    pub held_change: i64,
    pub balance_after: i64,
    pub held_after: i64,
    pub min_balance_after: i64,
    /// Never earlier than that of the entry before it.
    pub posted_at: DateTime<Utc>,
}

/// An entry with its transfer, and the ledger account on the other side.
#[derive(Debug, Clone)]
pub struct EntryView {
    pub entry: Entry,
    /// None for a change of the limit.
    pub transfer: Option<Transfer>,
    pub counterparty: Option<LedgerAccount>,
}

impl EntryView {
    /// The name that the other side had at posting.
    pub fn counterparty_name(&self) -> Option<&str> {
        let transfer = self.transfer.as_ref()?;
        Some(if self.is_debited(transfer) { &transfer.to_name } else { &transfer.from_name })
    }

    /// The name that this side had at posting.
    pub fn own_name(&self) -> Option<&str> {
        let transfer = self.transfer.as_ref()?;
        Some(if self.is_debited(transfer) { &transfer.from_name } else { &transfer.to_name })
    }

    fn is_debited(&self, transfer: &Transfer) -> bool {
        transfer.from == self.entry.ledger_id
    }
}
