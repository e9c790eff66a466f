//! Transfers beside their entries and the transfers that follow them.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::super::super::schema::transfers;
use super::super::super::{Db, StoreError};
use super::Verification;
use crate::domain::ledger::TransferId;

const AT_ONCE: usize = 1_000;
/// How many transfers a search names whose followers are looked up. For a longer list MySQL trusts its statistics (200,
/// `eq_range_index_dive_limit`), by which nearly all transfers follow the same one, none, so that it reads them all.
const NAMED: usize = 100;

/// A transfer with what its entries say.
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
     LEFT JOIN ledger_entries c ON c.ledger_id = t.to_id AND c.seq = t.to_seq AND c.transfer_id = t.id WHERE t.id";

/// Checks the next transfers; returns the last of them, none at the end.
pub(super) fn check_next(db: &mut Db, after: &str, found: &mut Verification) -> Result<Option<String>, StoreError> {
    let load = diesel::sql_query(format!("{TRANSFERS} > ? ORDER BY t.id LIMIT {AT_ONCE}")).bind::<Text, _>(after);
    let rows: Vec<Checked> = load.load(db)?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
    // These are all transfers from the first to the last, so those that follow one of them are a range, too.
    let captures = followers_between(db, Column::Hold, &first.id, &last.id)?;
    let reversals = followers_between(db, Column::Reverses, &first.id, &last.id)?;
    check(&rows, &captures, &reversals, found);
    Ok(rows.into_iter().last().map(|row| row.id))
}

/// Checks these transfers, and those that they captured or reversed.
pub(super) fn check_touched(
    db: &mut Db,
    touched: &BTreeSet<String>,
    found: &mut Verification,
) -> Result<(), StoreError> {
    let touched: Vec<&str> = touched.iter().map(String::as_str).collect();
    for ids in touched.chunks(AT_ONCE) {
        let origins: Vec<(Option<String>, Option<String>)> = transfers::table
            .filter(transfers::id.eq_any(ids))
            .select((transfers::hold_id, transfers::reverses_id))
            .load(db)?;
        let origins: HashSet<String> =
            origins.into_iter().flat_map(|(hold, reverses)| [hold, reverses]).flatten().collect();
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).chain(origins).collect();
        // As text in the statement: only what is an id.
        let listed: Vec<String> =
            ids.iter().filter_map(|id| id.parse::<TransferId>().ok()).map(|id| format!("'{id}'")).collect();
        if listed.is_empty() {
            continue;
        }
        let load = diesel::sql_query(format!("{TRANSFERS} IN ({})", listed.join(", ")));
        let rows: Vec<Checked> = load.load(db)?;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let (captures, reversals) = (followers_of(db, Column::Hold, &ids)?, followers_of(db, Column::Reverses, &ids)?);
        check(&rows, &captures, &reversals, found);
    }
    Ok(())
}

/// The amounts of the transfers that follow others, by those.
type Followers = HashMap<String, Vec<i64>>;

/// The column by which a transfer names the one that it follows.
#[derive(Debug, Clone, Copy)]
enum Column {
    Hold,
    Reverses,
}

/// The followers of the transfers from `first` to `last`.
fn followers_between(db: &mut Db, column: Column, first: &str, last: &str) -> Result<Followers, StoreError> {
    let rows: Vec<(Option<String>, i64)> = match column {
        Column::Hold => transfers::table
            .filter(transfers::hold_id.ge(first).and(transfers::hold_id.le(last)))
            .select((transfers::hold_id, transfers::amount))
            .load(db)?,
        Column::Reverses => transfers::table
            .filter(transfers::reverses_id.ge(first).and(transfers::reverses_id.le(last)))
            .select((transfers::reverses_id, transfers::amount))
            .load(db)?,
    };
    Ok(by_leader(rows))
}

/// The followers of these transfers.
fn followers_of(db: &mut Db, column: Column, ids: &[&str]) -> Result<Followers, StoreError> {
    let mut rows: Vec<(Option<String>, i64)> = Vec::new();
    for some in ids.chunks(NAMED) {
        let found: Vec<(Option<String>, i64)> = match column {
            Column::Hold => transfers::table
                .filter(transfers::hold_id.eq_any(some))
                .select((transfers::hold_id, transfers::amount))
                .load(db)?,
            Column::Reverses => transfers::table
                .filter(transfers::reverses_id.eq_any(some))
                .select((transfers::reverses_id, transfers::amount))
                .load(db)?,
        };
        rows.extend(found);
    }
    Ok(by_leader(rows))
}

fn by_leader(rows: Vec<(Option<String>, i64)>) -> Followers {
    let mut followers = Followers::new();
    for (id, amount) in rows {
        followers.entry(id.unwrap_or_default()).or_default().push(amount);
    }
    followers
}

fn check(rows: &[Checked], captures: &Followers, reversals: &Followers, found: &mut Verification) {
    for row in rows {
        found.transfers = found.transfers.saturating_add(1);
        let of = |followers: &Followers| followers.get(&row.id).cloned().unwrap_or_default();
        check_transfer(row, &of(captures), &of(reversals), found);
    }
}

fn check_transfer(row: &Checked, captured: &[i64], reversals: &[i64], found: &mut Verification) {
    let is_hold = row.is_hold == 1;
    let moved = if is_hold { 0 } else { row.amount };
    if row.debit != Some(moved.saturating_neg()) || row.credit != (!is_hold).then_some(moved) {
        let (debit, credit) = (row.debit, row.credit);
        found
            .violation(|| format!("transfer {}: its entries move {debit:?} and {credit:?} instead of {moved}", row.id));
    }
    let ended_once = match row.status.as_str() {
        "captured" => captured.len() == 1 && captured.first() == row.captured_amount.as_ref(),
        _ => captured.is_empty() && row.captured_amount.is_none(),
    };
    if !ended_once || (row.status == "held") != (row.is_open == 1) {
        found
            .violation(|| format!("transfer {}: a hold that is {}, and was captured {captured:?}", row.id, row.status));
    }
    let reversed: i128 = reversals.iter().map(|amount| i128::from(*amount)).sum();
    if reversed != i128::from(row.reversed_amount) || row.reversed_amount > row.amount {
        found.violation(|| {
            format!("transfer {}: reversed by {}, and its reversals sum to {reversed}", row.id, row.reversed_amount)
        });
    }
    if row.has_event == 0 && row.kind != "opening" {
        found.violation(|| format!("transfer {}: it has no event", row.id));
    }
}
