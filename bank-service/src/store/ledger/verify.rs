//! Checks that the ledger is what its entries say.
//!
//! Every ledger account is the sum of its entries, which are numbered without gaps and never go back in time; every transfer moved
//! the same amount on both sides; a hold ended once; reversals do not exceed what they reverse; each transfer has its event; and for
//! each currency everything sums to zero.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::super::schema::{ledger_accounts, ledger_entries, transfers};
use super::super::{Db, StoreError};
use super::rows::{AccountRow, EntryRowOf};
use super::totals::totals;

/// How many rows one statement reads.
const CHUNK: i64 = 5_000;
const TRANSFERS_AT_ONCE: i64 = 1_000;
/// How many violations are listed; more are only counted.
const LISTED: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
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

/// Reads everything, in a snapshot, at a constant cost in memory.
pub fn verify(db: &mut Db) -> Result<Verification, StoreError> {
    let mut found = Verification::default();
    snapshot(db, |db| {
        let mut after = i64::MIN;
        loop {
            let rows: Vec<AccountRow> = ledger_accounts::table
                .filter(ledger_accounts::id.gt(after))
                .order(ledger_accounts::id)
                .limit(CHUNK)
                .load(db)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            check_accounts(db, &rows, &mut found)?;
        }
        check_transfers(db, &mut found)?;
        let mut sums: HashMap<String, i128> = HashMap::new();
        for total in totals(db)? {
            let sum = sums.entry(total.currency).or_default();
            *sum = sum.saturating_add(total.balance);
        }
        for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
            found.violation(|| format!("all {currency} sum to {sum} instead of 0"));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Runs on one consistent view of the data.
fn snapshot(db: &mut Db, f: impl FnOnce(&mut Db) -> Result<(), StoreError>) -> Result<(), StoreError> {
    #[cfg(feature = "mysql")]
    if let Db::Mysql(conn) = db {
        diesel::sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(conn)?;
    }
    db.transaction(f)
}

/// Where the walk through the entries of one ledger account is.
#[derive(Default)]
struct Walked {
    seq: i64,
    balance: i128,
    held: i128,
    min_balance: i64,
    posted_at: Option<chrono::NaiveDateTime>,
}

fn check_accounts(db: &mut Db, rows: &[AccountRow], found: &mut Verification) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let mut walked: HashMap<i64, Walked> = HashMap::new();
    let mut after = (first.id, 0);
    loop {
        let (id, seq) = after;
        let entries: Vec<EntryRowOf> = ledger_entries::table
            .filter(
                ledger_entries::ledger_id
                    .eq(id)
                    .and(ledger_entries::seq.gt(seq))
                    .or(ledger_entries::ledger_id.gt(id).and(ledger_entries::ledger_id.le(last.id))),
            )
            .order((ledger_entries::ledger_id, ledger_entries::seq))
            .limit(CHUNK)
            .load(db)?;
        let Some(end) = entries.last() else { break };
        after = (end.ledger_id, end.seq);
        for entry in &entries {
            found.entries = found.entries.saturating_add(1);
            check_entry(walked.entry(entry.ledger_id).or_default(), entry, found);
        }
    }
    for row in rows {
        found.ledger_accounts = found.ledger_accounts.saturating_add(1);
        let end = walked.remove(&row.id).unwrap_or_default();
        let is_same = end.seq == row.seq
            && end.balance == i128::from(row.balance)
            && end.held == i128::from(row.held)
            && (end.seq == 0 || end.min_balance == row.min_balance)
            && end.posted_at == row.posted_at;
        if !is_same {
            found.violation(|| {
                format!(
                    "ledger account {}: balance {}, held {}, seq {}; its entries say {}, {}, {}",
                    row.id, row.balance, row.held, row.seq, end.balance, end.held, end.seq
                )
            });
        }
    }
    for id in walked.keys() {
        found.violation(|| format!("ledger account {id} has entries and does not exist"));
    }
    Ok(())
}

fn check_entry(before: &mut Walked, entry: &EntryRowOf, found: &mut Verification) {
    let name = || format!("entry {} of ledger account {}", entry.seq, entry.ledger_id);
    if entry.seq != before.seq.saturating_add(1) {
        found.violation(|| format!("{}: the one before it is {}", name(), before.seq));
    }
    let (balance, held) = (before.balance + i128::from(entry.amount), before.held + i128::from(entry.held_change));
    if balance != i128::from(entry.balance_after) || held != i128::from(entry.held_after) {
        found.violation(|| {
            format!(
                "{}: balance {}, held {}; the sums are {balance}, {held}",
                name(),
                entry.balance_after,
                entry.held_after
            )
        });
    }
    if held < 0 || (entry.ledger_id > 0 && balance - held < i128::from(entry.min_balance_after)) {
        found.violation(|| format!("{}: more was spent than there was", name()));
    }
    if before.posted_at.is_some_and(|last| entry.posted_at < last) {
        found.violation(|| format!("{}: it is earlier than the one before it", name()));
    }
    *before = Walked {
        seq: entry.seq,
        balance: i128::from(entry.balance_after),
        held: i128::from(entry.held_after),
        min_balance: entry.min_balance_after,
        posted_at: Some(entry.posted_at),
    };
}

/// A transfer with what its entries and the transfers that follow it say.
#[derive(QueryableByName)]
struct Checked {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    captured_amount: Option<i64>,
    #[diesel(sql_type = BigInt)]
    reversed_amount: i64,
    #[diesel(sql_type = BigInt)]
    is_hold: i64,
    #[diesel(sql_type = BigInt)]
    is_open: i64,
    #[diesel(sql_type = BigInt)]
    has_event: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    debit: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    credit: Option<i64>,
}

const TRANSFERS: &str = "SELECT t.id, t.kind, t.status, t.amount, t.captured_amount, t.reversed_amount, \
     CASE WHEN t.expires_at IS NULL THEN 0 ELSE 1 END AS is_hold, \
     CASE WHEN t.open_until IS NULL THEN 0 ELSE 1 END AS is_open, \
     CASE WHEN t.event_id IS NULL THEN 0 ELSE 1 END AS has_event, d.amount AS debit, c.amount AS credit FROM transfers t \
     LEFT JOIN ledger_entries d ON d.ledger_id = t.from_id AND d.seq = t.from_seq AND d.transfer_id = t.id \
     LEFT JOIN ledger_entries c ON c.ledger_id = t.to_id AND c.seq = t.to_seq AND c.transfer_id = t.id \
     WHERE t.id > ? ORDER BY t.id LIMIT ?";

fn check_transfers(db: &mut Db, found: &mut Verification) -> Result<(), StoreError> {
    let (mut after, mut moved) = (String::new(), 0_u64);
    loop {
        let load = diesel::sql_query(TRANSFERS).bind::<Text, _>(&after).bind::<BigInt, _>(TRANSFERS_AT_ONCE);
        let rows: Vec<Checked> = load.load(db)?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.id);
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let followers: Vec<Follower> = transfers::table
            .filter(transfers::hold_id.eq_any(&ids).or(transfers::reverses_id.eq_any(&ids)))
            .select((transfers::hold_id, transfers::reverses_id, transfers::amount))
            .load(db)?;
        for row in &rows {
            found.transfers = found.transfers.saturating_add(1);
            moved = moved.saturating_add(u64::from(row.is_hold == 0));
            check_transfer(row, &followers, found);
        }
    }
    let moving: i64 = ledger_entries::table.filter(ledger_entries::amount.ne(0)).count().get_result(db)?;
    if u64::try_from(moving).unwrap_or(0) != moved.saturating_mul(2) {
        found.violation(|| format!("{moved} transfers moved money, and {moving} entries instead of twice as many"));
    }
    Ok(())
}

type Follower = (Option<String>, Option<String>, i64);

fn check_transfer(row: &Checked, followers: &[Follower], found: &mut Verification) {
    let is_hold = row.is_hold == 1;
    let moved = if is_hold { 0 } else { row.amount };
    if row.debit != Some(moved.saturating_neg()) || row.credit != (!is_hold).then_some(moved) {
        let (debit, credit) = (row.debit, row.credit);
        found
            .violation(|| format!("transfer {}: its entries move {debit:?} and {credit:?} instead of {moved}", row.id));
    }
    let of = |id: &Option<String>| id.as_deref() == Some(row.id.as_str());
    let captured: Vec<i64> = followers.iter().filter(|(hold, ..)| of(hold)).map(|(.., amount)| *amount).collect();
    let ended_once = match row.status.as_str() {
        "captured" => captured.len() == 1 && captured.first() == row.captured_amount.as_ref(),
        _ => captured.is_empty() && row.captured_amount.is_none(),
    };
    if !ended_once || (row.status == "held") != (row.is_open == 1) {
        found
            .violation(|| format!("transfer {}: a hold that is {}, and was captured {captured:?}", row.id, row.status));
    }
    let reversals = followers.iter().filter(|(_, reverses, _)| of(reverses));
    let reversed: i128 = reversals.map(|(.., amount)| i128::from(*amount)).sum();
    if reversed != i128::from(row.reversed_amount) || row.reversed_amount > row.amount {
        found.violation(|| {
            format!("transfer {}: reversed by {}, and its reversals sum to {reversed}", row.id, row.reversed_amount)
        });
    }
    if row.has_event == 0 && row.kind != "opening" {
        found.violation(|| format!("transfer {}: it has no event", row.id));
    }
}
