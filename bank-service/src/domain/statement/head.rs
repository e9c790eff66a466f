//! A statement without its entries.

use chrono::{DateTime, SecondsFormat, Utc};
use shared_events::{AccountId, BankId, Currency};

use super::{Calendar, Period};
use crate::domain::bic::Bic;
use crate::domain::currency;

/// The head of a statement: everything but its entries.
#[derive(Debug, Clone)]
pub struct Statement {
    pub account_id: AccountId,
    /// ISO 13616, without spaces.
    pub iban: Option<String>,
    pub currency: Currency,
    /// The account holder's name.
    pub owner: String,
    pub bank_id: BankId,
    pub bank: String,
    pub bic: Option<Bic>,
    pub period: Period,
    pub calendar: Calendar,
    /// Whether entries of the period may still come.
    pub is_provisional: bool,
    pub opening_balance: i64,
    pub closing_balance: i64,
    pub totals: Totals,
    pub created_at: DateTime<Utc>,
}

/// How many there are, and their sum without a sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    pub sum: i128,
}

impl Sum {
    fn add(&mut self, amount: i64) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(i128::from(amount).abs());
    }
}

/// The sums of all entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub debits: Sum,
    pub credits: Sum,
}

impl Totals {
    /// Counts an entry by its signed amount.
    pub fn add(&mut self, amount: i64) {
        if amount < 0 { self.debits.add(amount) } else { self.credits.add(amount) }
    }

    pub fn count(&self) -> u64 {
        self.debits.count.saturating_add(self.credits.count)
    }
}

impl Statement {
    /// The same for the same account and period; at most 37 characters, with an id of at most 16 digits 34.
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.account_id, self.period.from.format("%Y%m%d"), self.period.to.format("%Y%m%d"))
    }

    /// The decimal places of its amounts.
    pub(super) fn places(&self) -> usize {
        currency::places(self.currency)
    }

    /// The account as people name it: by its IBAN, or by its id.
    pub(super) fn account(&self) -> String {
        self.iban.clone().unwrap_or_else(|| self.account_id.to_string())
    }

    /// The creation time in UTC, of whole seconds.
    pub(super) fn created(&self) -> String {
        self.created_at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}
