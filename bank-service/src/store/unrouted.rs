//! Rows of the outbox that no queue takes.
//!
//! A row that was returned for [`ROUTE_WAIT`] is due at [`NEVER`], so that it is at the end of the index of due rows and costs the
//! relay nothing. A release makes it due at once; if it is returned again, it goes to the end without another wait.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::outbox_rows::{AT_ONCE, BATCH, Mark, NEVER};
use super::schema::outbox::dsl;
use super::{Db, StoreError};

const ROUTE_WAIT: TimeDelta = TimeDelta::minutes(1);
/// How many rows one release makes due.
const PAGE: i64 = 5_000;

/// The result of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    pub rows: usize,
    /// The row after which the next page begins; none after the last page.
    pub next: Option<i64>,
}

/// Records that rows were returned; returns the types of those that are unrouted from now on, one per row.
pub(super) fn mark(db: &mut Db, now: NaiveDateTime, marks: &[(i64, Mark)]) -> Result<Vec<String>, StoreError> {
    let returned: BTreeMap<i64, (NaiveDateTime, bool)> = marks
        .iter()
        .filter_map(|(id, mark)| match mark {
            Mark::Returned { due_at, must_be_routed } => Some((*id, (*due_at, *must_be_routed))),
            _ => None,
        })
        .collect();
    let ids: Vec<i64> = returned.keys().copied().collect();
    let mut unrouted = Vec::new();
    for ids in ids.chunks(BATCH) {
        let rows: Vec<(i64, String, Option<NaiveDateTime>, Option<NaiveDateTime>)> = dsl::outbox
            .filter(dsl::id.eq_any(ids))
            .filter(dsl::sent_at.is_null())
            .select((dsl::id, dsl::event_type, dsl::returned_at, dsl::unrouted_at))
            .load(db)?;
        for (id, event_type, returned_at, unrouted_at) in rows {
            let Some((due_at, must_be_routed)) = returned.get(&id).copied() else { continue };
            let since = returned_at.unwrap_or(now);
            let is_given_up = !must_be_routed && (unrouted_at.is_some() || now - since >= ROUTE_WAIT);
            let given_up_at = is_given_up.then(|| unrouted_at.unwrap_or(now));
            let due_at = if is_given_up { NEVER } else { due_at };
            diesel::update(dsl::outbox.find(id))
                .set((
                    dsl::returned_at.eq(Some(since)),
                    dsl::unrouted_at.eq(given_up_at),
                    dsl::due_at.eq(Some(due_at)),
                    dsl::waiting_for.eq(None::<String>),
                ))
                .execute(db)?;
            if is_given_up && unrouted_at.is_none() {
                unrouted.push(event_type);
            }
        }
    }
    Ok(unrouted)
}

/// Makes a page of unrouted rows due at once: of one type, or of all.
pub fn release(db: &mut Db, event_type: Option<&str>, after: i64) -> Result<Released, StoreError> {
    let mut found = dsl::outbox.filter(dsl::due_at.eq(NEVER)).filter(dsl::id.gt(after)).into_boxed();
    if let Some(event_type) = event_type {
        found = found.filter(dsl::event_type.eq(event_type));
    }
    let ids: Vec<i64> = found.order(dsl::id).limit(PAGE).select(dsl::id).load(db)?;
    for ids in ids.chunks(BATCH) {
        let rows = dsl::outbox.filter(dsl::id.eq_any(ids)).filter(dsl::due_at.eq(NEVER));
        diesel::update(rows).set(dsl::due_at.eq(Some(AT_ONCE))).execute(db)?;
    }
    let is_full = i64::try_from(ids.len()).is_ok_and(|rows| rows >= PAGE);
    Ok(Released { rows: ids.len(), next: ids.last().copied().filter(|_| is_full) })
}

/// The types of unrouted rows, one per row, up to a bound.
pub fn types(db: &mut Db, bound: i64) -> Result<Vec<String>, StoreError> {
    Ok(dsl::outbox.filter(dsl::due_at.eq(NEVER)).select(dsl::event_type).limit(bound).load(db)?)
}

/// Removes some unrouted rows that were committed before `before`; returns how many. These events were never delivered.
pub fn sweep(db: &mut Db, before: NaiveDateTime) -> Result<usize, StoreError> {
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let old = dsl::outbox.filter(dsl::due_at.eq(NEVER)).filter(dsl::created_at.lt(before));
    let ids: Vec<i64> = old.order(dsl::id).limit(limit).select(dsl::id).load(db)?;
    Ok(diesel::delete(dsl::outbox.filter(dsl::id.eq_any(&ids)).filter(dsl::due_at.eq(NEVER))).execute(db)?)
}
