//! The rows of the outbox: one to be written, one to be published, and the result of a publish.

use chrono::{DateTime, NaiveDateTime};
use diesel::prelude::*;

use super::kept_row::kept_row;
use super::schema::outbox;

/// The most rows that one statement touches.
pub(super) const BATCH: usize = 200;
/// "At once": earlier than any clock. All fresh rows have it, so that their order is that of their ids whatever the clocks of
/// the writing replicas, and none waits for a slow clock.
pub(super) const AT_ONCE: NaiveDateTime = DateTime::UNIX_EPOCH.naive_utc();
/// The first day of the year 9000, which both engines can store.
pub(super) const NEVER: NaiveDateTime = DateTime::from_timestamp(221_845_392_000, 0).unwrap().naive_utc();

#[derive(Insertable)]
#[diesel(table_name = outbox)]
pub(super) struct NewRow {
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) message: String,
    pub(super) created_at: NaiveDateTime,
    pub(super) due_at: Option<NaiveDateTime>,
    pub(super) sealed: Option<Vec<u8>>,
}

kept_row!(
    NewRow, outbox:
    event_id => Text, event_type => Text, message => Text, created_at => Timestamp,
    due_at => Nullable<Timestamp>, sealed => Nullable<Binary>
);

/// A row that waits to be published.
#[derive(Debug, Clone, Queryable)]
pub struct DueRow {
    pub id: i64,
    pub event_id: String,
    pub message: String,
    pub progress: Option<String>,
    /// The whole message, if `message` is without its secrets. `Store::message_of` reads either.
    pub sealed: Option<Vec<u8>>,
}

/// The publish result of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Sent,
    /// Due again at `due_at`, with the progress of the queues so far.
    Later {
        due_at: NaiveDateTime,
        progress: String,
        waiting_for: Option<String>,
    },
    /// No queue takes it. Due again at `due_at`; unless it must be routed, it is given up after a while.
    Returned {
        due_at: NaiveDateTime,
        must_be_routed: bool,
    },
}
