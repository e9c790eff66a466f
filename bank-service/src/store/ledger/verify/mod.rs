//! Checks that the ledger is what its entries say.
//!
//! Every ledger account is the sum of its entries, which are numbered without gaps and never go back in time; every entry that moved
//! money is one of the two of its transfer; a hold ended once; reversals do not exceed what they reverse; each transfer has its
//! event; and for each currency everything sums to zero.
//!
//! A [`Verifier`] goes on in steps, each in one consistent snapshot of at most [`ENTRIES_AT_ONCE`] entries, so that no transaction
//! stays open for long; entries never change, so what lies between two steps needs none. What was checked without a fault is kept
//! as a checkpoint, behind which a later check begins unless it is a full one. Memory does not grow with the ledger.

mod accounts;
mod checkpoints;
mod transfers;

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use super::super::{Db, StoreError};
use super::totals::totals;
use accounts::Walked;
pub use checkpoints::{Checkpoint, commit, keep};

/// How many entries one step reads at most.
const ENTRIES_AT_ONCE: i64 = 200_000;
/// How many ledger accounts one step checks at most.
const ACCOUNTS_AT_ONCE: i64 = 5_000;
/// How many violations are listed; more are only counted.
const LISTED: usize = 100;

/// The result of a check: counts, and the first violations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whether everything was checked, not only what was new.
    pub is_full: bool,
    pub ledger_accounts: u64,
    pub entries: u64,
    pub transfers: u64,
    /// How many violations there are.
    pub violations: u64,
    /// The first of them, in words.
    pub listed: Vec<String>,
}

impl Verification {
    fn violation(&mut self, text: impl FnOnce() -> String) {
        self.violations = self.violations.saturating_add(1);
        if self.listed.len() < LISTED {
            self.listed.push(text());
        }
    }

    pub fn is_clean(&self) -> bool {
        self.violations == 0
    }
}

/// From where on a ledger is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Full,
    /// Entries and transfers that were posted since the last check that found nothing.
    New,
}

/// The progress of a check.
#[derive(Debug)]
pub struct Verifier {
    depth: Depth,
    entries_at_once: i64,
    /// The ledger accounts up to this one are checked.
    after: i64,
    /// The walk through the entries of the account that is next, if a step ended in its midst.
    begun: Option<(i64, Walked)>,
    /// The transfers up to this one are checked; none while the accounts are.
    after_transfer: Option<String>,
    found: Verification,
}

/// The result of a step.
#[derive(Debug)]
pub enum Step {
    /// There are more steps. What was checked is to be [`keep`]-ed; nothing if a violation was found.
    Checked(Vec<Checkpoint>),
    Done,
}

impl Verifier {
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            entries_at_once: ENTRIES_AT_ONCE,
            after: i64::MIN,
            begun: None,
            after_transfer: None,
            found: Verification { is_full: depth == Depth::Full, ..Verification::default() },
        }
    }

    /// Goes on. Only reads.
    pub fn step(&mut self, db: &mut Db) -> Result<Step, StoreError> {
        let violations = self.found.violations;
        let step = snapshot(db, |db| match self.after_transfer.take() {
            None => self.step_through_accounts(db),
            Some(after) => self.step_through_transfers(db, &after),
        })?;
        Ok(match step {
            Step::Checked(_) if self.found.violations > violations => Step::Checked(Vec::new()),
            step => step,
        })
    }

    pub fn found(self) -> Verification {
        self.found
    }

    fn step_through_accounts(&mut self, db: &mut Db) -> Result<Step, StoreError> {
        let rows = accounts::next(db, self.after)?;
        let (Some(first), Some(end)) = (rows.first(), rows.last()) else {
            self.after_transfer = Some(String::new());
            return Ok(Step::Checked(Vec::new()));
        };
        let mut starts = match self.depth {
            Depth::Full => HashMap::new(),
            Depth::New => checkpoints::between(db, first.id, end.id)?,
        };
        starts.extend(self.begun.take());
        let rows = accounts::that_fit(&rows, &starts, self.entries_at_once);
        let mut touched = BTreeSet::new();
        let mut walk =
            accounts::Walk { touched: (self.depth == Depth::New).then_some(&mut touched), found: &mut self.found };
        let walked = match rows {
            [one] if accounts::unchecked(one, &starts) > self.entries_at_once => {
                let walked = walk.part(db, one, starts.remove(&one.id), self.entries_at_once)?;
                self.begun = Some((one.id, walked.clone()));
                vec![(one.id, walked)]
            }
            rows => {
                self.after = rows.last().map_or(self.after, |row| row.id);
                walk.whole(db, rows, starts)?
            }
        };
        transfers::check_touched(db, &touched, &mut self.found)?;
        Ok(Step::Checked(walked.into_iter().map(Checkpoint::from).collect()))
    }

    /// All transfers one after another, if the check is a full one; the sums at last.
    fn step_through_transfers(&mut self, db: &mut Db, after: &str) -> Result<Step, StoreError> {
        if self.depth == Depth::Full
            && let Some(last) = transfers::check_next(db, after, &mut self.found)?
        {
            self.after_transfer = Some(last);
            return Ok(Step::Checked(Vec::new()));
        }
        let mut sums: HashMap<String, i128> = HashMap::new();
        for total in totals(db)? {
            let sum = sums.entry(total.currency).or_default();
            *sum = sum.saturating_add(total.balance);
        }
        for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
            self.found.violation(|| format!("all {currency} sum to {sum} instead of 0"));
        }
        Ok(Step::Done)
    }
}

/// Checks everything, and keeps no checkpoints.
pub fn verify(db: &mut Db) -> Result<Verification, StoreError> {
    let mut verifier = Verifier::new(Depth::Full);
    while let Step::Checked(_) = verifier.step(db)? {}
    Ok(verifier.found())
}

/// Runs on one consistent view of the data.
fn snapshot<T>(db: &mut Db, f: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
    #[cfg(feature = "mysql")]
    if let Db::Mysql(conn) = db {
        diesel::sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(conn)?;
    }
    db.transaction(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DatabaseUrl, engine, migrations};

    const TIME: &str = "2026-01-16 17:10:26.000000";

    /// Two ledger accounts, and `transfers` of 1 from the first to the second.
    fn ledger(transfers: i64) -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        let mut db = engine::open(&url).unwrap();
        for (id, user, sign) in [(-1, "NULL", -1), (4, "7", 1)] {
            change(
                &mut db,
                &format!(
                    "INSERT INTO ledger_accounts VALUES ({id}, 'cash', 1, NULL, {user}, 'EUR', {}, 0, {}, {transfers}, '{TIME}', '{TIME}', \
                 NULL, NULL)",
                    sign * transfers,
                    if sign < 0 { i64::MIN } else { 0 }
                ),
            );
        }
        for seq in 1..=transfers {
            post(&mut db, seq);
        }
        (folder, db)
    }

    fn post(db: &mut Db, seq: i64) {
        let id = format!("00000000-0000-7000-8000-{seq:012}");
        change(
            db,
            &format!(
                "INSERT INTO transfers (id, from_id, to_id, amount, currency, kind, status, reversed_amount, from_name, to_name, from_seq, \
             to_seq, created_at, posted_at, event_id) VALUES ('{id}', -1, 4, 1, 'EUR', 'deposit', 'posted', 0, '', '', {seq}, {seq}, \
             '{TIME}', '{TIME}', '{id}')"
            ),
        );
        for (ledger, sign, min) in [(-1, -1, i64::MIN), (4, 1, 0)] {
            change(
                db,
                &format!(
                    "INSERT INTO ledger_entries VALUES ({ledger}, {seq}, '{id}', {sign}, 0, {}, 0, {min}, '{TIME}')",
                    sign * seq
                ),
            );
        }
    }

    fn change(db: &mut Db, sql: &str) {
        diesel::sql_query(sql).execute(db).unwrap();
    }

    /// Runs a check in steps of so many entries, with its checkpoints.
    fn run(db: &mut Db, depth: Depth, entries_at_once: i64) -> Verification {
        let mut verifier = Verifier { entries_at_once, ..Verifier::new(depth) };
        while let Step::Checked(checked) = verifier.step(db).unwrap() {
            keep(db, &checked).unwrap();
        }
        verifier.found()
    }

    #[test]
    fn a_check_in_small_steps_finds_what_one_in_large_steps_finds() {
        let (_folder, mut db) = ledger(23);
        for entries_at_once in [1, 2, 5, 22, 23, 24, 46, 1_000] {
            let found = run(&mut db, Depth::Full, entries_at_once);
            let expected = Verification {
                is_full: true,
                ledger_accounts: 2,
                entries: 46,
                transfers: 23,
                ..Verification::default()
            };
            assert_eq!(found, expected, "steps of {entries_at_once}");
        }
        change(&mut db, "DROP TRIGGER ledger_entries_stay");
        change(&mut db, "UPDATE ledger_entries SET balance_after = 18 WHERE ledger_id = 4 AND seq = 17");
        for entries_at_once in [1, 2, 5, 22, 1_000] {
            let found = run(&mut db, Depth::Full, entries_at_once);
            assert_eq!((found.violations, found.entries), (2, 46), "steps of {entries_at_once}: {found:?}");
        }
    }

    #[test]
    fn a_later_check_reads_only_what_is_new_and_a_full_one_everything() {
        let (_folder, mut db) = ledger(5);
        assert_eq!(run(&mut db, Depth::New, 3).entries, 10);
        let found = run(&mut db, Depth::New, 3);
        assert_eq!((found.entries, found.transfers, found.violations), (0, 0, 0));
        post(&mut db, 6);
        change(&mut db, "UPDATE ledger_accounts SET seq = 6, balance = CASE WHEN id = 4 THEN 6 ELSE -6 END");
        let found = run(&mut db, Depth::New, 3);
        assert_eq!((found.entries, found.transfers, found.violations), (2, 1, 0), "{found:?}");
        change(&mut db, "DROP TRIGGER transfers_stay");
        change(&mut db, "UPDATE transfers SET amount = 2 WHERE from_seq = 2");
        assert_eq!(run(&mut db, Depth::New, 3).violations, 0);
        assert_eq!(run(&mut db, Depth::Full, 3).violations, 1);
    }

    #[test]
    fn what_is_new_and_wrong_is_found_until_it_is_mended() {
        let (_folder, mut db) = ledger(5);
        run(&mut db, Depth::New, 3);
        change(&mut db, "UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 4");
        for _ in 0..2 {
            let found = run(&mut db, Depth::New, 3);
            assert_eq!(found.violations, 2, "{found:?}");
        }
        change(&mut db, "UPDATE ledger_accounts SET balance = balance - 1, seq = 4 WHERE id = 4");
        assert_eq!(run(&mut db, Depth::New, 3).violations, 1);
        change(&mut db, "UPDATE ledger_accounts SET seq = 5 WHERE id = 4");
        assert_eq!(run(&mut db, Depth::New, 3).violations, 0);
    }
}
