//! Ledger accounts beside their entries.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::super::schema::{ledger_accounts, ledger_entries, transfers};
use super::super::super::{Db, StoreError};
use super::super::rows::{AccountRow, EntryRowOf};
use super::{ACCOUNTS_AT_ONCE, Verification};

/// How many entries one statement reads.
const CHUNK: i64 = 5_000;

/// The state of a ledger account by its entries up to the last that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) seq: i64,
    pub(super) balance: i64,
    pub(super) held: i64,
    pub(super) min_balance: i64,
    pub(super) posted_at: Option<NaiveDateTime>,
}

/// The two entries that a transfer names: ledger account and `seq` of each.
type Named = (i64, i64, i64, Option<i64>);
type Read = (EntryRowOf, Option<Named>);

/// The next ledger accounts, by id.
pub(super) fn next(db: &mut Db, after: i64) -> Result<Vec<AccountRow>, StoreError> {
    Ok(ledger_accounts::table
        .filter(ledger_accounts::id.gt(after))
        .order(ledger_accounts::id)
        .limit(ACCOUNTS_AT_ONCE)
        .load(db)?)
}

/// How many entries of an account are to be read.
pub(super) fn unchecked(row: &AccountRow, starts: &HashMap<i64, Walked>) -> i64 {
    row.seq.saturating_sub(starts.get(&row.id).map_or(0, |start| start.seq)).max(0)
}

/// The first of these accounts, as many as have together no more entries than this; one at least.
pub(super) fn that_fit<'a>(rows: &'a [AccountRow], starts: &HashMap<i64, Walked>, entries: i64) -> &'a [AccountRow] {
    let mut sum: i64 = 0;
    let fit = rows.iter().take_while(|row| {
        sum = sum.saturating_add(unchecked(row, starts));
        sum <= entries
    });
    rows.split_at(fit.count().clamp(1, rows.len())).0
}

/// A walk through entries. Collects the transfers that these are of.
pub(super) struct Walk<'a> {
    /// None: they are checked one by one later.
    pub(super) touched: Option<&'a mut BTreeSet<String>>,
    pub(super) found: &'a mut Verification,
}

impl Walk<'_> {
    /// Reads some entries of an account that has many, and does not compare it yet.
    pub(super) fn part(
        &mut self,
        db: &mut Db,
        row: &AccountRow,
        start: Option<Walked>,
        entries: i64,
    ) -> Result<Walked, StoreError> {
        let mut walked = start.unwrap_or_default();
        let end = walked.seq.saturating_add(entries);
        while walked.seq < end {
            let page = entries_of(db, row.id, walked.seq, CHUNK.min(end.saturating_sub(walked.seq)))?;
            if page.is_empty() {
                break;
            }
            for read in &page {
                self.check(&mut walked, read);
            }
        }
        Ok(walked)
    }

    /// Reads the entries of these accounts behind their starts, and compares both.
    pub(super) fn whole(
        &mut self,
        db: &mut Db,
        rows: &[AccountRow],
        mut starts: HashMap<i64, Walked>,
    ) -> Result<Vec<(i64, Walked)>, StoreError> {
        let is_from_the_start = rows.iter().all(|row| !starts.contains_key(&row.id));
        let mut ends = if is_from_the_start { self.all(db, rows)? } else { self.behind(db, rows, &mut starts)? };
        let mut walked = Vec::with_capacity(rows.len());
        for row in rows {
            let end = ends.remove(&row.id).unwrap_or_default();
            self.compare(row, &end);
            walked.push((row.id, end));
        }
        for id in ends.keys() {
            self.found.violation(|| format!("ledger account {id} has entries and does not exist"));
        }
        Ok(walked)
    }

    /// All entries between the first account and the last.
    fn all(&mut self, db: &mut Db, rows: &[AccountRow]) -> Result<HashMap<i64, Walked>, StoreError> {
        let mut ends: HashMap<i64, Walked> = HashMap::new();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(ends) };
        let (mut after, last) = ((first.id, 0), last.id);
        loop {
            let page = entries_between(db, after, last)?;
            let Some((end, _)) = page.last() else { return Ok(ends) };
            after = (end.ledger_id, end.seq);
            for read in &page {
                self.check(ends.entry(read.0.ledger_id).or_default(), read);
            }
        }
    }

    /// The entries of each account that has new ones.
    fn behind(
        &mut self,
        db: &mut Db,
        rows: &[AccountRow],
        starts: &mut HashMap<i64, Walked>,
    ) -> Result<HashMap<i64, Walked>, StoreError> {
        let mut ends = HashMap::with_capacity(rows.len());
        for row in rows {
            let mut walked = starts.remove(&row.id).unwrap_or_default();
            while walked.seq < row.seq {
                let page = entries_of(db, row.id, walked.seq, CHUNK)?;
                if page.is_empty() {
                    break;
                }
                for read in &page {
                    self.check(&mut walked, read);
                }
            }
            ends.insert(row.id, walked);
        }
        Ok(ends)
    }

    fn compare(&mut self, row: &AccountRow, end: &Walked) {
        self.found.ledger_accounts = self.found.ledger_accounts.saturating_add(1);
        let is_same = end.seq == row.seq
            && end.balance == row.balance
            && end.held == row.held
            && (end.seq == 0 || end.min_balance == row.min_balance)
            && end.posted_at == row.posted_at;
        if !is_same {
            self.found.violation(|| {
                format!(
                    "ledger account {}: balance {}, held {}, seq {}; its entries say {}, {}, {}",
                    row.id, row.balance, row.held, row.seq, end.balance, end.held, end.seq
                )
            });
        }
    }

    fn check(&mut self, before: &mut Walked, (entry, named): &Read) {
        let found = &mut *self.found;
        found.entries = found.entries.saturating_add(1);
        let name = || format!("entry {} of ledger account {}", entry.seq, entry.ledger_id);
        if entry.seq != before.seq.saturating_add(1) {
            found.violation(|| format!("{}: the one before it is {}", name(), before.seq));
        }
        let sum = |before: i64, change: i64| i128::from(before) + i128::from(change);
        let (balance, held) = (sum(before.balance, entry.amount), sum(before.held, entry.held_change));
        if balance != i128::from(entry.balance_after) || held != i128::from(entry.held_after) {
            let (balance_after, held_after) = (entry.balance_after, entry.held_after);
            found.violation(|| {
                format!("{}: balance {balance_after}, held {held_after}; the sums are {balance}, {held}", name())
            });
        }
        if held < 0 || (entry.ledger_id > 0 && balance - held < i128::from(entry.min_balance_after)) {
            found.violation(|| format!("{}: more was spent than there was", name()));
        }
        if before.posted_at.is_some_and(|last| entry.posted_at < last) {
            found.violation(|| format!("{}: it is earlier than the one before it", name()));
        }
        if entry.amount != 0 && !is_named(entry, named.as_ref()) {
            found.violation(|| format!("{}: no transfer has it as one of its two", name()));
        }
        if let Some(touched) = self.touched.as_deref_mut() {
            touched.extend(entry.transfer_id.clone());
        }
        *before = Walked {
            seq: entry.seq,
            balance: entry.balance_after,
            held: entry.held_after,
            min_balance: entry.min_balance_after,
            posted_at: Some(entry.posted_at),
        };
    }
}

fn is_named(entry: &EntryRowOf, named: Option<&Named>) -> bool {
    let of = (entry.ledger_id, entry.seq);
    named.is_some_and(|&(from, from_seq, to, to_seq)| of == (from, from_seq) || Some(of) == to_seq.map(|seq| (to, seq)))
}

/// Entries with what their transfers name.
macro_rules! read {
    ($db:expr, $limit:expr, $filter:expr) => {
        ledger_entries::table
            .left_join(transfers::table.on(ledger_entries::transfer_id.eq(transfers::id.nullable())))
            .filter($filter)
            .select((
                ledger_entries::all_columns,
                (transfers::from_id, transfers::from_seq, transfers::to_id, transfers::to_seq).nullable(),
            ))
            .order((ledger_entries::ledger_id, ledger_entries::seq))
            .limit($limit)
            .load::<Read>($db)
    };
}

fn entries_of(db: &mut Db, id: i64, after: i64, limit: i64) -> Result<Vec<Read>, StoreError> {
    Ok(read!(db, limit, ledger_entries::ledger_id.eq(id).and(ledger_entries::seq.gt(after)))?)
}

fn entries_between(db: &mut Db, (id, seq): (i64, i64), last: i64) -> Result<Vec<Read>, StoreError> {
    let of_the_first = ledger_entries::ledger_id.eq(id).and(ledger_entries::seq.gt(seq));
    let of_the_others = ledger_entries::ledger_id.gt(id).and(ledger_entries::ledger_id.le(last));
    Ok(read!(db, CHUNK, of_the_first.or(of_the_others))?)
}
