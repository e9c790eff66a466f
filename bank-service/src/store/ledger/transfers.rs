//! Transfers: read one by one, by their keys, and the holds among them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::super::in_list::{in_list, in_texts};
use super::super::schema::transfers::{self, dsl};
use super::super::{Db, StoreError};
use super::rows::TransferRow;
use crate::domain::ledger::{LedgerId, Transfer, TransferId};

/// A transfer as it is now, with the request that made it and its entries.
#[derive(Debug, Clone)]
pub struct Placed {
    pub transfer: Transfer,
    pub request_key: Option<String>,
    pub request_hash: Option<String>,
    pub event_id: Option<String>,
    pub from_seq: i64,
    pub to_seq: Option<i64>,
}

impl Placed {
    pub(super) fn read(row: &TransferRow) -> Result<Self, StoreError> {
        Ok(Self {
            transfer: row.read()?,
            request_key: row.request_key.clone(),
            request_hash: row.request_hash.clone(),
            event_id: row.event_id.clone(),
            from_seq: row.from_seq,
            to_seq: row.to_seq,
        })
    }
}

pub fn find_transfer(db: &mut Db, id: TransferId) -> Result<Option<Placed>, StoreError> {
    let row: Option<TransferRow> = dsl::transfers.find(id.to_string()).first(db).optional()?;
    row.as_ref().map(Placed::read).transpose()
}

/// The transfers that were made under these keys.
pub fn by_keys(db: &mut Db, keys: Vec<String>) -> Result<Vec<Placed>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<TransferRow> = dsl::transfers.filter(in_texts(dsl::request_key, keys)).load(db)?;
    rows.iter().map(Placed::read).collect()
}

/// The transfers of these ids, without a lock.
pub fn find_transfers(db: &mut Db, ids: &[TransferId]) -> Result<Vec<Transfer>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows: Vec<TransferRow> = dsl::transfers.filter(in_texts(dsl::id, ids)).load(db)?;
    rows.iter().map(TransferRow::read).collect()
}

/// Currencies and amounts of the first open holds, at most `limit` of them.
pub fn open_holds(db: &mut Db, limit: i64) -> Result<Vec<(String, i64)>, StoreError> {
    let open = dsl::transfers.filter(dsl::open_until.is_not_null()).order(dsl::open_until).limit(limit);
    Ok(open.select((dsl::currency, dsl::amount)).load(db)?)
}

/// Some of the holds that ran out by this time: their ids, those that ran out first before the others.
pub fn expired(db: &mut Db, now: DateTime<Utc>, limit: i64) -> Result<Vec<TransferId>, StoreError> {
    let ran_out = dsl::transfers.filter(dsl::open_until.le(now.naive_utc())).order(dsl::open_until).limit(limit);
    let found: Vec<String> = ran_out.select(dsl::id).load(db)?;
    ids(&found)
}

/// Some of the holds on the money of this ledger account that ran out by this time, those that ran out first before the others:
/// `limit` of them after the first `skipped`.
pub fn expired_of(
    db: &mut Db,
    from: LedgerId,
    now: DateTime<Utc>,
    skipped: i64,
    limit: i64,
) -> Result<Vec<TransferId>, StoreError> {
    let ran_out = dsl::transfers.filter(dsl::from_id.eq(from.get())).filter(dsl::open_until.le(now.naive_utc()));
    let in_order = ran_out.order((dsl::open_until, dsl::id)).offset(skipped).limit(limit);
    let found: Vec<String> = in_order.select(dsl::id).load(db)?;
    ids(&found)
}

/// The open holds that have one of these ledger accounts on either side, by id, at most `limit`.
pub fn open_holds_of(db: &mut Db, sides: &[LedgerId], limit: i64) -> Result<Vec<Transfer>, StoreError> {
    let mut sides: Vec<i64> = sides.iter().map(|id| id.get()).collect();
    sides.sort_unstable();
    let mut rows: Vec<TransferRow> = Vec::new();
    for some in sides.chunks(256) {
        let open = || dsl::transfers.filter(dsl::open_until.is_not_null()).limit(limit);
        rows.extend(open().filter(in_list(transfers::from_id, some)).load::<TransferRow>(db)?);
        rows.extend(open().filter(in_list(transfers::to_id, some)).load::<TransferRow>(db)?);
    }
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows.dedup_by(|one, other| one.id == other.id);
    rows.iter().map(TransferRow::read).collect()
}

fn ids(rows: &[String]) -> Result<Vec<TransferId>, StoreError> {
    let corrupt = |_| StoreError::Corrupt { what: "transfers.id" };
    rows.iter().map(|id| id.parse().map_err(corrupt)).collect()
}
