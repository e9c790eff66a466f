//! The tables' state of an event after its commit: its outbox row, and the confirmation of its mail.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::outbox_rows::NEVER;
use super::schema::mail_receipts::dsl as receipts;
use super::schema::outbox::dsl;
use super::{Db, StoreError};

/// An event's row in the outbox.
#[derive(Debug, Clone, Queryable)]
pub struct TracedRow {
    pub event_id: String,
    pub event_type: String,
    pub message: String,
    pub created_at: NaiveDateTime,
    /// When it is published, if it is not yet.
    pub due_at: Option<NaiveDateTime>,
    pub sent_at: Option<NaiveDateTime>,
    /// Since when no queue takes it.
    pub unrouted_at: Option<NaiveDateTime>,
    pub waiting_for: Option<String>,
    /// The progress of each queue, as JSON; only with the in-process transport, and only until the row is sent.
    pub progress: Option<String>,
}

/// A row that was published.
#[derive(Debug, Clone, Queryable)]
pub struct SentRow {
    pub id: i64,
    pub event_id: String,
    pub event_type: String,
    pub sent_at: NaiveDateTime,
}

/// The confirmation of an event's mail.
#[derive(Debug, Clone, Queryable)]
pub struct ReceiptRow {
    pub event_id: String,
    /// `sent` or `rejected`.
    pub state: String,
    pub message_id: Option<String>,
    pub reason: Option<String>,
    pub received_at: NaiveDateTime,
    /// When its log entry is due; none if it is posted, or if there is none to post.
    pub due_at: Option<NaiveDateTime>,
    pub posted_at: Option<NaiveDateTime>,
    /// How many posts to log-service failed.
    pub attempts: i32,
}

/// The row of an event, as long as it is kept.
pub fn row(db: &mut Db, event_id: &str) -> Result<Option<TracedRow>, StoreError> {
    let row = dsl::outbox.filter(dsl::event_id.eq(event_id)).select((
        dsl::event_id,
        dsl::event_type,
        dsl::message,
        dsl::created_at,
        dsl::due_at,
        dsl::sent_at,
        dsl::unrouted_at,
        dsl::waiting_for,
        dsl::progress,
    ));
    Ok(row.first(db).optional()?)
}

/// Rows sent after the position `(sent_at, id)`, up to `until`, in that order.
pub fn sent_after(
    db: &mut Db,
    (sent_at, id): (NaiveDateTime, i64),
    until: NaiveDateTime,
    limit: i64,
) -> Result<Vec<SentRow>, StoreError> {
    let rows = dsl::outbox
        .filter(dsl::sent_at.ge(sent_at))
        .filter(dsl::sent_at.gt(sent_at).or(dsl::id.gt(id)))
        .filter(dsl::sent_at.le(until))
        .order((dsl::sent_at, dsl::id))
        .limit(limit)
        .select((dsl::id, dsl::event_id, dsl::event_type, dsl::sent_at.assume_not_null()));
    Ok(rows.load(db)?)
}

/// The types of the rows that wait to be published, one per row, up to a bound; unrouted rows do not wait.
pub fn waiting_types(db: &mut Db, bound: i64) -> Result<Vec<String>, StoreError> {
    Ok(dsl::outbox.filter(dsl::due_at.lt(NEVER)).select(dsl::event_type).limit(bound).load(db)?)
}

/// When the oldest event that waits to be published was committed.
pub fn oldest_waiting(db: &mut Db) -> Result<Option<NaiveDateTime>, StoreError> {
    // In the index, postponed rows are not in the order of their ids, but few of them precede a backlog of fresh ones.
    let waiting = dsl::outbox.filter(dsl::due_at.lt(NEVER));
    Ok(waiting.order(dsl::id).select(dsl::created_at).first(db).optional()?)
}

/// The mail confirmations of these events.
pub fn receipts(db: &mut Db, event_ids: &[String]) -> Result<Vec<ReceiptRow>, StoreError> {
    let rows = receipts::mail_receipts.filter(receipts::event_id.eq_any(event_ids)).select((
        receipts::event_id,
        receipts::state,
        receipts::message_id,
        receipts::reason,
        receipts::received_at,
        receipts::due_at,
        receipts::posted_at,
        receipts::attempts,
    ));
    Ok(rows.load(db)?)
}
