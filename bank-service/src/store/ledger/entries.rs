//! Entries: by number, by time, and as a list.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::super::schema::ledger_entries::{self, dsl};
use super::super::schema::transfers;
use super::super::{Db, StoreError};
use super::rows::{EntryRowOf, TransferRow};
use crate::domain::ledger::{Entry, LedgerId, Transfer};

/// Which entries of a ledger account a page has.
#[derive(Debug, Clone, Default)]
pub struct EntryPage {
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub kind: Option<EntryKind>,
    pub is_ascending: bool,
    /// Only those beyond this number, in the order of the page.
    pub after: Option<i64>,
    pub skip: i64,
    pub limit: i64,
}

/// What an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Money that moved, by a transfer of this kind.
    Transfer(crate::domain::ledger::TransferKind),
    /// What is held, without a movement.
    Hold,
    /// The overdraft's limit.
    Limit,
}

/// An entry with its transfer.
pub type EntryOf = (Entry, Option<Transfer>);

/// The entries of a page's filters, with their transfers.
macro_rules! selected {
    ($ledger:expr, $page:expr) => {{
        let joined = ledger_entries::table
            .left_join(transfers::table.on(ledger_entries::transfer_id.eq(transfers::id.nullable())))
            .filter(dsl::ledger_id.eq($ledger.get()))
            .into_boxed();
        let joined = match $page.from {
            Some(from) => joined.filter(dsl::posted_at.ge(from.naive_utc())),
            None => joined,
        };
        let joined = match $page.to {
            Some(to) => joined.filter(dsl::posted_at.le(to.naive_utc())),
            None => joined,
        };
        match $page.kind {
            None => joined.filter(dsl::amount.ne(0)),
            Some(EntryKind::Transfer(kind)) => {
                joined.filter(dsl::amount.ne(0)).filter(transfers::kind.eq(kind.as_str()))
            }
            Some(EntryKind::Hold) => joined.filter(dsl::amount.eq(0)).filter(dsl::held_change.ne(0)),
            Some(EntryKind::Limit) => joined.filter(dsl::transfer_id.is_null()),
        }
    }};
}

/// The entry of this number.
pub fn find_entry(db: &mut Db, ledger: LedgerId, seq: i64) -> Result<Option<Entry>, StoreError> {
    let row: Option<EntryRowOf> = dsl::ledger_entries.find((ledger.get(), seq)).first(db).optional()?;
    row.as_ref().map(EntryRowOf::read).transpose()
}

/// The last entry up to this time. One look-up in an index.
pub fn as_of(db: &mut Db, ledger: LedgerId, at: DateTime<Utc>) -> Result<Option<Entry>, StoreError> {
    let row: Option<EntryRowOf> = dsl::ledger_entries
        .filter(dsl::ledger_id.eq(ledger.get()))
        .filter(dsl::posted_at.le(at.naive_utc()))
        .order((dsl::posted_at.desc(), dsl::seq.desc()))
        .first(db)
        .optional()?;
    row.as_ref().map(EntryRowOf::read).transpose()
}

/// A page of entries, and how many there are on all pages, if asked.
pub fn list_entries(db: &mut Db, ledger: LedgerId, page: &EntryPage) -> Result<Vec<EntryOf>, StoreError> {
    let mut select = selected!(ledger, page)
        .select((ledger_entries::all_columns, transfers::all_columns.nullable()))
        .limit(page.limit)
        .offset(page.skip);
    select = match (page.is_ascending, page.after) {
        (true, after) => select.filter(dsl::seq.gt(after.unwrap_or(0))).order(dsl::seq.asc()),
        (false, Some(after)) => select.filter(dsl::seq.lt(after)).order(dsl::seq.desc()),
        (false, None) => select.order(dsl::seq.desc()),
    };
    let rows: Vec<(EntryRowOf, Option<TransferRow>)> = select.load(db)?;
    rows.iter()
        .map(|(entry, transfer)| Ok((entry.read()?, transfer.as_ref().map(TransferRow::read).transpose()?)))
        .collect()
}

/// How many entries there are on all pages.
pub fn count_entries(db: &mut Db, ledger: LedgerId, page: &EntryPage) -> Result<i64, StoreError> {
    Ok(selected!(ledger, page).count().get_result(db)?)
}
