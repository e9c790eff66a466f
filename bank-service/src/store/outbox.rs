//! The outbox table: written by every transaction, emptied by the relay.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use shared_events::WireMessage;

use super::schema::outbox::{self, dsl};
use super::{Ctx, Db, PendingEvent, StoreError};

/// How many rows one statement touches at most.
const BATCH: usize = 200;

#[derive(Insertable)]
#[diesel(table_name = outbox)]
struct NewRow {
    event_id: String,
    event_type: String,
    message: String,
    created_at: NaiveDateTime,
    due_at: Option<NaiveDateTime>,
}

/// A row that waits to be published.
#[derive(Debug, Clone, Queryable)]
pub struct DueRow {
    pub id: i64,
    pub event_id: String,
    pub message: String,
    pub progress: Option<String>,
}

/// What a publish came to, for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Sent,
    /// Not before `due_at`, with what the queues have done so far.
    Later {
        due_at: NaiveDateTime,
        progress: String,
        waiting_for: Option<String>,
    },
}

/// Writes the events of an operation, in their order, in its transaction.
pub(super) fn append(db: &mut Db, ctx: &Ctx, events: &[PendingEvent]) -> Result<(), StoreError> {
    let rows = events.iter().map(|event| new_row(ctx, event)).collect::<Result<Vec<_>, StoreError>>()?;
    for batch in rows.chunks(BATCH) {
        match db {
            Db::Mysql(conn) => diesel::insert_into(outbox::table).values(batch).execute(conn)?,
            Db::Sqlite(conn) => insert_each(conn, batch)?,
        };
    }
    Ok(())
}

fn new_row(ctx: &Ctx, event: &PendingEvent) -> Result<NewRow, StoreError> {
    let envelope = event.build(ctx)?;
    let message = WireMessage::encode(&envelope).and_then(|message| serde_json::to_string(&message));
    Ok(NewRow {
        event_id: envelope.id.to_string(),
        event_type: envelope.event_type.into(),
        message: message.map_err(|_| StoreError::Corrupt { what: "an event's message" })?,
        created_at: ctx.now_naive(),
        due_at: Some(ctx.now_naive()),
    })
}

/// SQLite has no round trip to save, and diesel's batch would open a transaction of its own.
fn insert_each(conn: &mut SqliteConnection, rows: &[NewRow]) -> QueryResult<usize> {
    rows.iter().map(|row| diesel::insert_into(outbox::table).values(row).execute(conn)).sum()
}

/// The rows that are due, in the order in which they are to be published.
pub fn due(db: &mut Db, now: NaiveDateTime, limit: i64) -> Result<Vec<DueRow>, StoreError> {
    let mut rows: Vec<DueRow> = dsl::outbox
        .filter(dsl::due_at.le(now))
        .order((dsl::due_at, dsl::id))
        .limit(limit)
        .select((dsl::id, dsl::event_id, dsl::message, dsl::progress))
        .load(db)?;
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows)
}

/// Writes down what became of rows; a row that was sent is never due again.
pub fn mark(db: &mut Db, now: NaiveDateTime, marks: &[(i64, Mark)]) -> Result<(), StoreError> {
    let sent: Vec<i64> = marks.iter().filter(|(_, mark)| *mark == Mark::Sent).map(|(id, _)| *id).collect();
    let nothing = None::<String>;
    for ids in sent.chunks(BATCH) {
        diesel::update(dsl::outbox.filter(dsl::id.eq_any(ids)))
            .set((
                dsl::sent_at.eq(Some(now)),
                dsl::due_at.eq(None::<NaiveDateTime>),
                dsl::waiting_for.eq(&nothing),
                dsl::progress.eq(&nothing),
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
    Ok(())
}

/// A queue is back: what waits for it is due at once. None: any queue.
pub fn resume(db: &mut Db, now: NaiveDateTime, queue: Option<&str>) -> Result<usize, StoreError> {
    let waiting = dsl::outbox.filter(dsl::due_at.gt(now)).filter(dsl::waiting_for.is_not_null());
    let set = (dsl::due_at.eq(Some(now)), dsl::waiting_for.eq(None::<String>));
    let resumed = match queue {
        Some(queue) => diesel::update(waiting.filter(dsl::waiting_for.eq(queue))).set(set).execute(db)?,
        None => diesel::update(waiting).set(set).execute(db)?,
    };
    Ok(resumed)
}

/// When the next row that is not due yet will be.
pub fn next_due(db: &mut Db, now: NaiveDateTime) -> Result<Option<NaiveDateTime>, StoreError> {
    let next: Option<Option<NaiveDateTime>> =
        dsl::outbox.filter(dsl::due_at.gt(now)).order(dsl::due_at).select(dsl::due_at).first(db).optional()?;
    Ok(next.flatten())
}

/// How many rows wait to be published, counted up to a bound.
pub fn waiting(db: &mut Db, bound: i64) -> Result<usize, StoreError> {
    let ids: Vec<i64> = dsl::outbox.filter(dsl::due_at.is_not_null()).select(dsl::id).limit(bound).load(db)?;
    Ok(ids.len())
}

/// The message of an event, as long as it is kept.
pub fn message(db: &mut Db, event_id: &str) -> Result<Option<String>, StoreError> {
    Ok(dsl::outbox.filter(dsl::event_id.eq(event_id)).select(dsl::message).first(db).optional()?)
}

/// Removes some rows that were sent before `before`; gives how many. A row whose log entry is still to be posted stays.
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
