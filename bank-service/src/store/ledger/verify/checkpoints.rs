//! Checkpoints: the last entry of each ledger account up to which a check has found no fault.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::super::kept_row::{insert_rows, kept_row};
use super::super::super::schema::ledger_checkpoints::{self, dsl};
use super::super::super::{Db, StoreError};
use super::accounts::Walked;

/// The state of a ledger account by its entries up to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = ledger_checkpoints)]
pub struct Checkpoint {
    ledger_id: i64,
    seq: i64,
    balance: i64,
    held: i64,
    min_balance: i64,
    posted_at: Option<NaiveDateTime>,
}

kept_row!(
    Checkpoint, ledger_checkpoints:
    ledger_id => BigInt, seq => BigInt, balance => BigInt, held => BigInt, min_balance => BigInt, posted_at => Nullable<Timestamp>
);

impl From<(i64, Walked)> for Checkpoint {
    fn from((ledger_id, walked): (i64, Walked)) -> Self {
        let Walked { seq, balance, held, min_balance, posted_at } = walked;
        Self { ledger_id, seq, balance, held, min_balance, posted_at }
    }
}

/// The checkpoints of the ledger accounts between these two.
pub(super) fn between(db: &mut Db, first: i64, last: i64) -> Result<HashMap<i64, Walked>, StoreError> {
    let rows: Vec<Checkpoint> = dsl::ledger_checkpoints.filter(dsl::ledger_id.between(first, last)).load(db)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let Checkpoint { ledger_id, seq, balance, held, min_balance, posted_at } = row;
            (ledger_id, Walked { seq, balance, held, min_balance, posted_at })
        })
        .collect())
}

/// Keeps the checkpoints of a step, which are all of its ledger accounts; in a transaction, or the old ones may be lost.
pub fn keep(db: &mut Db, checked: &[Checkpoint]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (checked.first(), checked.last()) else { return Ok(()) };
    let (first, last) = (first.ledger_id, last.ledger_id);
    diesel::delete(dsl::ledger_checkpoints.filter(dsl::ledger_id.between(first, last))).execute(db)?;
    Ok(insert_rows!(db, ledger_checkpoints::table, checked)?)
}

/// The same in a transaction of its own.
pub fn commit(db: &mut Db, checked: &[Checkpoint]) -> Result<(), StoreError> {
    db.transaction(|db| keep(db, checked))
}
