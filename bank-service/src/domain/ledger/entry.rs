//! Entries: what each change did to one ledger account.

use chrono::{DateTime, Utc};

use super::{LedgerId, TransferId};

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
