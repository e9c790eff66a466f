//! The `counters` table: how often something happened, keyed by a keyed hash of its subject.
//!
//! A change is guarded by the value that was read: of parallel changes one succeeds and the others start over with
//! [`StoreError::Serialization`], so none is lost. All replicas on one database share the counts.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::schema::counters::{self, dsl};
use super::{Ctx, Db, StoreError};
use crate::domain::throttle::Counter;
use crate::sealing::CounterKey;

/// How long a counter lives after its last change.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// How many rows one sweep removes.
const SWEEP: i64 = 500;

type Row = (i32, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>);

pub fn find(db: &mut Db, key: &CounterKey) -> Result<Option<Counter>, StoreError> {
    let columns = (dsl::total, dsl::began_at, dsl::changed_at, dsl::not_before);
    let row: Option<Row> = dsl::counters.find(&key.0).select(columns).first(db).optional()?;
    Ok(row.map(|(total, began_at, changed_at, not_before)| Counter {
        total,
        began_on: began_at.and_utc(),
        changed_on: changed_at.and_utc(),
        not_before: not_before.map(|date| date.and_utc()),
    }))
}

/// A counter about to be changed: on engines with parallel transactions, the others wait for this one.
pub fn hold(db: &mut Db, key: &CounterKey) -> Result<Option<Counter>, StoreError> {
    #[cfg(feature = "mysql")]
    if let Db::Mysql(conn) = db {
        let row = dsl::counters.find(&key.0).select(dsl::counter_key).for_update();
        row.first::<String>(conn).optional()?;
    }
    find(db, key)
}

/// Replaces the counter that was read, or inserts the first one.
pub fn put(db: &mut Db, key: &CounterKey, before: Option<&Counter>, after: &Counter) -> Result<(), StoreError> {
    let changes = (
        dsl::total.eq(after.total),
        dsl::began_at.eq(after.began_on.naive_utc()),
        dsl::changed_at.eq(after.changed_on.naive_utc()),
        dsl::not_before.eq(after.not_before.map(|date| date.naive_utc())),
    );
    let Some(before) = before else {
        let row = (dsl::counter_key.eq(&key.0), changes);
        return match diesel::insert_into(counters::table).values(row).execute(db).map_err(StoreError::from) {
            Err(StoreError::UniqueViolation) => Err(StoreError::Serialization),
            inserted => inserted.map(drop),
        };
    };
    let as_read = dsl::counters
        .filter(dsl::counter_key.eq(&key.0))
        .filter(dsl::total.eq(before.total))
        .filter(dsl::changed_at.eq(before.changed_on.naive_utc()));
    if diesel::update(as_read).set(changes).execute(db)? == 1 { Ok(()) } else { Err(StoreError::Serialization) }
}

pub fn clear(db: &mut Db, keys: &[CounterKey]) -> Result<(), StoreError> {
    for key in keys {
        diesel::delete(dsl::counters.find(&key.0)).execute(db)?;
    }
    Ok(())
}

/// Clears a counter unless it is closed.
pub fn clear_open(db: &mut Db, ctx: &Ctx, key: &CounterKey) -> Result<(), StoreError> {
    let open = dsl::not_before.is_null().or(dsl::not_before.le(ctx.now_naive()));
    diesel::delete(dsl::counters.filter(dsl::counter_key.eq(&key.0)).filter(open)).execute(db)?;
    Ok(())
}

/// Removes some of the counters that were not changed for a day; returns how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let old = dsl::changed_at.lt((ctx.now - KEPT).naive_utc());
    let keys: Vec<String> = dsl::counters.filter(old).select(dsl::counter_key).limit(SWEEP).load(db)?;
    Ok(diesel::delete(dsl::counters.filter(dsl::counter_key.eq_any(&keys)).filter(old)).execute(db)?)
}
