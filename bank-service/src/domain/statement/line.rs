//! An entry as statements show it.

use chrono::{DateTime, FixedOffset, NaiveDate};

use super::{Calendar, text};
use crate::domain::iban::masked;
use crate::domain::ledger::{EntryView, LedgerKind, System, TransferKind};

/// An entry as all formats show it. Texts without a character that can be written are none.
pub(super) struct Line<'a> {
    pub(super) seq: i64,
    /// The day that it is booked on.
    pub(super) date: NaiveDate,
    /// In the time zone of the ledger.
    pub(super) posted_at: DateTime<FixedOffset>,
    /// Signed: a credit is positive.
    pub(super) amount: i64,
    pub(super) balance: i64,
    pub(super) kind: TransferKind,
    /// Whether the other side is the bank's `cash`.
    pub(super) is_with_cash: bool,
    /// The transfer's id, of 32 characters.
    pub(super) transfer_id: Option<String>,
    /// The name that the other side had at posting.
    pub(super) counterparty: Option<&'a str>,
    pub(super) counterparty_iban: Option<String>,
    pub(super) reference: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn of(view: &'a EntryView, calendar: Calendar) -> Self {
        let (entry, transfer) = (&view.entry, view.transfer.as_ref());
        let other = view.counterparty.as_ref();
        let given = |text: &&str| !text::xml(text).trim().is_empty();
        Self {
            seq: entry.seq,
            date: calendar.day_of(entry.posted_at),
            posted_at: calendar.local(entry.posted_at),
            amount: entry.amount,
            balance: entry.balance_after,
            // An entry that moved money is that of a transfer.
            kind: transfer.map_or(TransferKind::Adjustment, |transfer| transfer.kind),
            is_with_cash: other.is_some_and(|other| other.kind == LedgerKind::System(System::Cash)),
            transfer_id: entry.transfer_id.map(|id| id.uuid().simple().to_string()),
            counterparty: view.counterparty_name().filter(given),
            counterparty_iban: other.and_then(|other| other.iban.as_deref()).map(masked),
            reference: transfer.and_then(|transfer| transfer.text.reference.as_deref()).filter(given),
            description: transfer.and_then(|transfer| transfer.text.description.as_deref()).filter(given),
        }
    }

    pub(super) fn is_credit(&self) -> bool {
        self.amount > 0
    }

    pub(super) fn is_reversal(&self) -> bool {
        self.kind == TransferKind::Reversal
    }

    /// The amount without its sign.
    pub(super) fn size(&self) -> i128 {
        i128::from(self.amount).abs()
    }

    /// The kind of the movement, in a word.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            TransferKind::Transfer => "Transfer",
            TransferKind::Deposit => "Deposit",
            TransferKind::Withdrawal => "Withdrawal",
            TransferKind::Opening => "Opening",
            TransferKind::Adjustment => "Adjustment",
            TransferKind::Closing => "Closing",
            TransferKind::Reversal => "Reversal",
        }
    }
}
