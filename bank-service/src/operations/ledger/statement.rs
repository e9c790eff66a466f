//! Reads for statements and exports: the state before and after a period, then its entries page by page.
//!
//! Entries never change and their times never fall with their numbers, so a period is a range of numbers. It is fixed once, and each
//! page is a read of its own: no transaction is open between two of them.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::AccountId;

use super::reading::{readable, with_counterparties};
use super::statement_names::{bank_name, holder_name};
use crate::domain::bic::Bic;
use crate::domain::ledger::{Entry, EntryView, LedgerId};
use crate::domain::scope::Scope;
use crate::domain::statement::{Calendar, Period, Statement, StatementFormat, Totals};
use crate::operations::errors::FindError;
use crate::store::ledger::{self, EntryPage};
use crate::store::{Db, StoreError};

/// How many entries a page has.
const PAGE: i64 = 250;
/// And how many amounts.
const AMOUNTS: i64 = 5_000;

/// The entries of a period: those after one number, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    pub after: i64,
    pub until: i64,
}

impl SeqRange {
    /// The entries from one time up to another, both included; without a time from the first one, or up to the last one.
    pub fn of_times(
        db: &mut Db,
        id: LedgerId,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Self, StoreError> {
        let after = from.map(|from| last_before(db, id, from)).transpose()?.flatten();
        let until = to.map(|to| ledger::as_of(db, id, to)).transpose()?;
        let seq = |entry: Option<Entry>| entry.map_or(0, |entry| entry.seq);
        Ok(Self { after: seq(after), until: until.map_or(i64::MAX, seq) })
    }

    /// The rest of the range behind an entry.
    #[must_use]
    pub fn beyond(self, seq: i64) -> Self {
        Self { after: seq, ..self }
    }

    pub fn is_empty(self) -> bool {
        self.after >= self.until
    }
}

/// A statement that is asked for.
#[derive(Debug, Clone)]
pub struct StatementOrder {
    pub account_id: AccountId,
    pub period: Period,
    pub calendar: Calendar,
    pub format: StatementFormat,
    pub bic: Option<Bic>,
    pub now: DateTime<Utc>,
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("{} has no room for its amounts", .0.as_str())]
    NoRoom(StatementFormat),
}

impl From<StoreError> for StatementError {
    fn from(error: StoreError) -> Self {
        Self::Find(error.into())
    }
}

/// A statement without its totals, and where its entries are.
#[derive(Debug, Clone)]
pub struct OpenedStatement {
    pub ledger_id: LedgerId,
    pub range: SeqRange,
    pub statement: Statement,
}

/// The state of an account within the scope before and after a period, if the format has room for it.
pub fn open_statement(db: &mut Db, scope: Scope, order: StatementOrder) -> Result<OpenedStatement, StatementError> {
    let format = order.format;
    let opened = state_of(db, scope, order)?;
    if let Some(largest) = format.largest_amount()
        && is_larger(db, &opened, largest)?
    {
        return Err(StatementError::NoRoom(format));
    }
    Ok(opened)
}

fn state_of(db: &mut Db, scope: Scope, order: StatementOrder) -> Result<OpenedStatement, FindError> {
    let StatementOrder { account_id, period, calendar, format: _, bic, now } = order;
    let account = readable(db, scope, LedgerId::of_account(account_id), "account")?;
    let (from, to) = period.span(calendar);
    let (opening, closing) = (last_before(db, account.id, from)?, last_before(db, account.id, to)?);
    let state = |entry: Option<Entry>| entry.map_or((0, 0), |entry| (entry.seq, entry.balance_after));
    let ((after, opening_balance), (until, closing_balance)) = (state(opening), state(closing));
    let statement = Statement {
        account_id,
        owner: holder_name(db, &account, until, to)?,
        bank: bank_name(db, account.bank_id, to)?,
        iban: account.iban,
        currency: account.currency,
        bank_id: account.bank_id,
        bic,
        period,
        calendar,
        is_provisional: !period.is_closed(calendar, now),
        opening_balance,
        closing_balance,
        totals: Totals::default(),
        created_at: now,
    };
    Ok(OpenedStatement { ledger_id: account.id, range: SeqRange { after, until }, statement })
}

/// Whether an amount or a balance of a statement is larger than this, on either side of zero.
fn is_larger(db: &mut Db, opened: &OpenedStatement, largest: i64) -> Result<bool, StoreError> {
    let OpenedStatement { ledger_id, range, statement } = opened;
    let balances = [statement.opening_balance, statement.closing_balance];
    if balances.iter().any(|balance| balance.unsigned_abs() > largest.unsigned_abs()) {
        return Ok(true);
    }
    ledger::has_larger(db, *ledger_id, range.after, range.until, largest)
}

/// The last entry before a time. Times have whole microseconds.
fn last_before(db: &mut Db, id: LedgerId, time: DateTime<Utc>) -> Result<Option<Entry>, StoreError> {
    ledger::as_of(db, id, time - TimeDelta::microseconds(1))
}

/// The first entries of a range, the oldest first. The account has to be within the scope still.
pub fn statement_page(db: &mut Db, scope: Scope, id: LedgerId, range: SeqRange) -> Result<Vec<EntryView>, FindError> {
    readable(db, scope, id, "account")?;
    let page = EntryPage {
        is_ascending: true,
        after: Some(range.after),
        until: Some(range.until),
        limit: PAGE,
        ..EntryPage::default()
    };
    let entries = ledger::list_entries(db, id, &page)?;
    Ok(with_counterparties(db, id, entries)?)
}

/// Number and amount of the first entries of a range, the oldest first.
pub fn statement_amounts(db: &mut Db, id: LedgerId, range: SeqRange) -> Result<Vec<(i64, i64)>, StoreError> {
    ledger::amounts(db, id, range.after, range.until, AMOUNTS)
}
