//! Entries: by number, by time, and as a list.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;

use super::super::in_pairs::{MOST_PAIRS, in_pairs};
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
    /// Only those up to this number.
    pub until: Option<i64>,
    pub skip: i64,
    pub limit: i64,
}

/// A kind of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Money that moved, by a transfer of this kind.
    Transfer(crate::domain::ledger::TransferKind),
    /// A change of the held money, without a movement.
    Hold,
    /// The overdraft's limit.
    Limit,
}

/// An entry with its transfer.
pub type EntryOf = (Entry, Option<Transfer>);

/// The query, a table or a join that has been boxed, for the entries of a ledger account that a page's filters let through; but for
/// the kind of their transfer.
macro_rules! filtered {
    ($query:expr, $ledger:expr, $page:expr) => {{
        let mut query = $query.filter(dsl::ledger_id.eq($ledger.get()));
        if let Some(from) = $page.from {
            query = query.filter(dsl::posted_at.ge(from.naive_utc()));
        }
        if let Some(to) = $page.to {
            query = query.filter(dsl::posted_at.le(to.naive_utc()));
        }
        if let Some(until) = $page.until {
            query = query.filter(dsl::seq.le(until));
        }
        match $page.kind {
            None | Some(EntryKind::Transfer(_)) => query.filter(dsl::amount.ne(0)),
            Some(EntryKind::Hold) => query.filter(dsl::amount.eq(0)).filter(dsl::held_change.ne(0)),
            Some(EntryKind::Limit) => query.filter(dsl::transfer_id.is_null()),
        }
    }};
}

/// The same with their transfers.
macro_rules! with_transfers {
    ($ledger:expr, $page:expr) => {{
        let of_transfer = ledger_entries::transfer_id.eq(transfers::id.nullable());
        let query = ledger_entries::table.left_join(transfers::table.on(of_transfer)).into_boxed();
        let query = filtered!(query, $ledger, $page);
        match $page.kind {
            Some(EntryKind::Transfer(kind)) => query.filter(transfers::kind.eq(kind.as_str())),
            _ => query,
        }
    }};
}

/// The entries of these ledger accounts and numbers that exist.
pub fn find_entries(db: &mut Db, wanted: &[(LedgerId, i64)]) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(MOST_PAIRS) {
        let pairs = some.iter().map(|(ledger, seq)| (ledger.get(), *seq)).collect();
        let is_wanted = in_pairs(dsl::ledger_id, dsl::seq, pairs);
        let rows: Vec<EntryRowOf> = dsl::ledger_entries.filter(is_wanted).load(db)?;
        for row in &rows {
            found.push(row.read()?);
        }
    }
    Ok(found)
}

/// The last entry up to this time. Two look-ups in an index: for the last entry of a range, ordered descending, MySQL reads some
/// hundred rows ahead, and for the greatest key of a range none.
pub fn as_of(db: &mut Db, ledger: LedgerId, at: DateTime<Utc>) -> Result<Option<Entry>, StoreError> {
    let of_ledger = dsl::ledger_entries.filter(dsl::ledger_id.eq(ledger.get()));
    let until_then = of_ledger.filter(dsl::posted_at.le(at.naive_utc()));
    let last: Option<NaiveDateTime> = until_then.select(max(dsl::posted_at)).first(db)?;
    let Some(last) = last else { return Ok(None) };
    let row: Option<EntryRowOf> =
        of_ledger.filter(dsl::posted_at.eq(last)).order(dsl::seq.desc()).first(db).optional()?;
    row.as_ref().map(EntryRowOf::read).transpose()
}

/// A page of entries, and how many there are on all pages, if asked.
pub fn list_entries(db: &mut Db, ledger: LedgerId, page: &EntryPage) -> Result<Vec<EntryOf>, StoreError> {
    let mut select = with_transfers!(ledger, page)
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

/// Number and amount of the entries after one and up to another that moved money, the oldest first, at most `limit`.
pub fn amounts(
    db: &mut Db,
    ledger: LedgerId,
    after: i64,
    until: i64,
    limit: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let moved = dsl::ledger_entries
        .filter(dsl::ledger_id.eq(ledger.get()))
        .filter(dsl::seq.gt(after))
        .filter(dsl::seq.le(until))
        .filter(dsl::amount.ne(0));
    Ok(moved.select((dsl::seq, dsl::amount)).order(dsl::seq.asc()).limit(limit).load(db)?)
}

/// Whether an entry after one and up to another that moved money has a larger amount or balance than this, on either side of zero.
pub fn has_larger(db: &mut Db, ledger: LedgerId, after: i64, until: i64, largest: i64) -> Result<bool, StoreError> {
    let smallest = largest.saturating_neg();
    let amount = dsl::amount.gt(largest).or(dsl::amount.lt(smallest));
    let balance = dsl::balance_after.gt(largest).or(dsl::balance_after.lt(smallest));
    let larger = dsl::ledger_entries
        .filter(dsl::ledger_id.eq(ledger.get()))
        .filter(dsl::seq.gt(after))
        .filter(dsl::seq.le(until))
        .filter(dsl::amount.ne(0))
        .filter(amount.or(balance));
    let found: Option<i64> = larger.select(dsl::seq).first(db).optional()?;
    Ok(found.is_some())
}

/// The number of entries on all pages. Each of them is read, and its transfer only if its kind is asked for.
pub fn count_entries(db: &mut Db, ledger: LedgerId, page: &EntryPage) -> Result<i64, StoreError> {
    Ok(match page.kind {
        Some(EntryKind::Transfer(_)) => with_transfers!(ledger, page).count().get_result(db)?,
        _ => filtered!(ledger_entries::table.into_boxed(), ledger, page).count().get_result(db)?,
    })
}
