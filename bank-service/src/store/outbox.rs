//! The outbox table: written by every transaction, emptied by the relay.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use shared_events::WireMessage;

use super::kept_row::insert_rows;
use super::outbox_rows::{AT_ONCE, BATCH, NEVER, NewRow};
pub use super::outbox_rows::{DueRow, Mark};
use super::schema::outbox::{self, dsl};
use super::work::{Failure, Value, Write};
use super::{Ctx, Db, PendingEvent, StoreError, unrouted};

/// How many postponed rows are read in addition to a full load of fresh ones.
const POSTPONED: i64 = 32;

/// The rows of an operation's events, in order.
pub(super) fn rows(ctx: &Ctx, events: &[PendingEvent]) -> Result<Vec<NewRow>, StoreError> {
    events.iter().map(|event| new_row(ctx, event)).collect()
}

/// One transaction: the work, then its events.
pub(super) fn with_events(work: Write) -> impl Fn(&mut Db) -> Result<Value, Failure> {
    move |db| {
        let (value, rows) = work(db)?;
        insert(db, &rows)?;
        service_kit::fail_point!("write.before_commit", if !rows.is_empty());
        Ok(value)
    }
}

fn insert(db: &mut Db, rows: &[NewRow]) -> Result<(), StoreError> {
    Ok(insert_rows!(db, outbox::table, rows)?)
}

fn new_row(ctx: &Ctx, event: &PendingEvent) -> Result<NewRow, StoreError> {
    let envelope = event.build(ctx)?;
    let event_id = envelope.id.to_string();
    let message = WireMessage::encode(&envelope).map_err(|_| StoreError::Corrupt { what: "an event's message" })?;
    let (message, sealed) = ctx.seal.close(&event_id, &message)?;
    Ok(NewRow {
        event_id,
        event_type: envelope.event_type.into(),
        message,
        sealed,
        created_at: ctx.now_naive(),
        due_at: Some(AT_ONCE),
    })
}

/// The rows that are due, in publishing order.
pub fn due(db: &mut Db, now: NaiveDateTime, limit: i64) -> Result<Vec<DueRow>, StoreError> {
    let order = (dsl::due_at, dsl::id);
    let columns = (dsl::id, dsl::event_id, dsl::message, dsl::progress, dsl::sealed);
    let fresh_first = dsl::outbox.filter(dsl::due_at.le(now)).order(order).select(columns).limit(limit);
    let mut rows: Vec<DueRow> = fresh_first.load(db)?;
    if i64::try_from(rows.len()).is_ok_and(|found| found >= limit) {
        let postponed = postponed_ids(db, now)?;
        rows.extend(load(db, &postponed)?);
    }
    rows.sort_unstable_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

/// At most `room` due rows, without those in flight.
pub fn due_except(
    db: &mut Db,
    now: NaiveDateTime,
    room: usize,
    under_way: &BTreeSet<i64>,
) -> Result<Vec<DueRow>, StoreError> {
    let limit = |rows| i64::try_from(rows).unwrap_or(i64::MAX);
    if under_way.is_empty() {
        return due(db, now, limit(room));
    }
    // The rows in flight are the first of the due ones, and are not read again: the index alone has the ids.
    let due = dsl::outbox.filter(dsl::due_at.le(now)).order((dsl::due_at, dsl::id)).select(dsl::id);
    let mut ids: Vec<i64> = due.limit(limit(under_way.len() + room)).load(db)?;
    if ids.len() >= under_way.len() + room {
        ids.extend(postponed_ids(db, now)?);
    }
    ids.retain(|id| !under_way.contains(id));
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(room);
    load(db, &ids)
}

/// Postponed rows that are due. Without their own query they would wait for the end of a backlog of fresh rows.
fn postponed_ids(db: &mut Db, now: NaiveDateTime) -> Result<Vec<i64>, StoreError> {
    let due = dsl::outbox.filter(dsl::due_at.le(now)).filter(dsl::due_at.gt(AT_ONCE));
    Ok(due.order((dsl::due_at, dsl::id)).select(dsl::id).limit(POSTPONED).load(db)?)
}

fn load(db: &mut Db, ids: &[i64]) -> Result<Vec<DueRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let some = dsl::outbox.filter(dsl::id.eq_any(ids)).order(dsl::id);
        rows.extend(
            some.select((dsl::id, dsl::event_id, dsl::message, dsl::progress, dsl::sealed)).load::<DueRow>(db)?,
        );
    }
    Ok(rows)
}

/// Writes the publish results of rows; a row that was sent is never due again. Returns the types of those that are unrouted
/// from now on.
pub fn mark(db: &mut Db, now: NaiveDateTime, marks: &[(i64, Mark)]) -> Result<Vec<String>, StoreError> {
    let sent: Vec<i64> = marks.iter().filter(|(_, mark)| *mark == Mark::Sent).map(|(id, _)| *id).collect();
    let nothing = None::<String>;
    for ids in sent.chunks(BATCH) {
        diesel::update(dsl::outbox.filter(dsl::id.eq_any(ids)))
            .set((
                dsl::sent_at.eq(Some(now)),
                dsl::due_at.eq(None::<NaiveDateTime>),
                dsl::waiting_for.eq(&nothing),
                dsl::returned_at.eq(None::<NaiveDateTime>),
                dsl::unrouted_at.eq(None::<NaiveDateTime>),
                dsl::progress.eq(&nothing),
                dsl::sealed.eq(None::<Vec<u8>>),
            ))
            .execute(db)?;
    }
    for (id, mark) in marks {
        if let Mark::Later { due_at, progress, waiting_for } = mark {
            diesel::update(dsl::outbox.find(id).filter(dsl::sent_at.is_null()))
                .set((dsl::due_at.eq(Some(due_at)), dsl::progress.eq(Some(progress)), dsl::waiting_for.eq(waiting_for)))
                .execute(db)?;
        }
    }
    unrouted::mark(db, now, marks)
}

/// Makes the rows that wait for this queue due at once; `None`: for any queue.
pub fn resume(db: &mut Db, now: NaiveDateTime, queue: Option<&str>) -> Result<usize, StoreError> {
    let waiting = dsl::outbox.filter(dsl::due_at.gt(now)).filter(dsl::waiting_for.is_not_null());
    let set = (dsl::due_at.eq(Some(AT_ONCE)), dsl::waiting_for.eq(None::<String>));
    let resumed = match queue {
        Some(queue) => diesel::update(waiting.filter(dsl::waiting_for.eq(queue))).set(set).execute(db)?,
        None => diesel::update(waiting).set(set).execute(db)?,
    };
    Ok(resumed)
}

/// When the next postponed row becomes due.
pub fn next_due(db: &mut Db, now: NaiveDateTime) -> Result<Option<NaiveDateTime>, StoreError> {
    let next: Option<Option<NaiveDateTime>> = dsl::outbox
        .filter(dsl::due_at.gt(now))
        .filter(dsl::due_at.lt(NEVER))
        .order(dsl::due_at)
        .select(dsl::due_at)
        .first(db)
        .optional()?;
    Ok(next.flatten())
}

/// How many rows wait to be published, counted up to a bound; unrouted ones do not.
pub fn waiting(db: &mut Db, bound: i64) -> Result<usize, StoreError> {
    let ids: Vec<i64> = dsl::outbox.filter(dsl::due_at.lt(NEVER)).select(dsl::id).limit(bound).load(db)?;
    Ok(ids.len())
}

/// The message of an event without its secrets, while its row exists.
pub fn message(db: &mut Db, event_id: &str) -> Result<Option<String>, StoreError> {
    Ok(dsl::outbox.filter(dsl::event_id.eq(event_id)).select(dsl::message).first(db).optional()?)
}

/// Removes some rows that were sent before `before`; returns how many. A row whose log entry is still to be posted stays.
pub fn sweep(db: &mut Db, before: NaiveDateTime) -> Result<usize, StoreError> {
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let old: Vec<(i64, String)> = dsl::outbox
        .filter(dsl::sent_at.lt(before))
        .order(dsl::sent_at)
        .limit(limit)
        .select((dsl::id, dsl::event_id))
        .load(db)?;
    let event_ids: Vec<&str> = old.iter().map(|(_, event_id)| event_id.as_str()).collect();
    let needed = super::mail_receipts::unposted_among(db, &event_ids)?;
    let ids: Vec<i64> = old.iter().filter(|(_, event_id)| !needed.contains(event_id)).map(|(id, _)| *id).collect();
    Ok(diesel::delete(dsl::outbox.filter(dsl::id.eq_any(&ids))).execute(db)?)
}
