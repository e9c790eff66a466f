//! The storage of entries: the trait that every adapter implements, and the choice of an adapter by URL.
//!
//! Promises of every adapter:
//! - An entry is recorded once per `event_id`, also if it is appended twice or in parallel.
//! - `append` returns when its entries would survive a crash of this process and of the machine.
//! - Ids grow in the order in which entries become visible: once a reader has seen an id, no smaller one appears. Cursors,
//!   the live stream and the export depend on it. (An adapter whose ids are made by several writers has to hold back the
//!   newest entries until no smaller id can appear.)
//! - Every read carries its caller's visibility, in the same query.
//! - All calls end in bounded time. If the store becomes unavailable, a failed call may still have changed the log; appending
//!   the same entries again finds out and doubles nothing.

mod connect;
#[cfg(feature = "mongodb")]
pub mod mongo;
mod position;
pub mod sqlite;
mod tickets;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shared_events::EventId;
use tokio::sync::watch;

pub use connect::{OpenError, StoreUrl, StoreUrlError, connect};
pub use tickets::{NewTicket, TicketStore};

use crate::domain::{
    Changes, Edit, Edited, Editor, Expected, LogEntry, LogId, NewLogEntry, Order, Selection, Visibility, is_append_only,
};

/// A count stops here; a cursor reads further.
pub const COUNT_LIMIT: i64 = 10_001;

/// The result of an update without a change.
fn unchanged(found: Option<LogEntry>, expected: &Expected) -> Edited {
    match found {
        None => Edited::Missing,
        Some(entry) if is_append_only(&entry.event_type) => Edited::AppendOnly,
        Some(entry) if expected.accepts(&entry) => Edited::Done(Box::new(entry)),
        Some(_) => Edited::Stale,
    }
}

/// The outcome of an appended entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    Recorded(LogId),
    /// Its event id was there already, with the same content or with another.
    Duplicate {
        id: LogId,
        same_content: bool,
    },
}

/// A recorded event, and its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub event_id: EventId,
    pub id: LogId,
    pub received_at: DateTime<Utc>,
}

/// The start of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After so many entries; costs as much as it skips.
    Offset(i64),
    /// Beyond this id in reading order, whether or not that entry still exists; `None` is the beginning. Costs the same at
    /// any depth.
    After(Option<LogId>),
}

/// A piece of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub order: Order,
    pub start: Start,
    /// At most this many entries.
    pub limit: i64,
    /// No entry recorded after this one: the end of a walk over a growing log.
    pub until: Option<LogId>,
}

/// Why a store did not answer. The text names no entry's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much work is waiting; trying again shortly helps.
    #[error("the log store is busy: {0}")]
    Busy(String),
    /// The store is down, locked, full or read-only; it may come back.
    #[error("the log store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored row has not the form that this version writes.
    #[error("the log store holds a row that cannot be read: {0}")]
    Corrupt(String),
}

#[async_trait]
pub trait LogStore: TicketStore {
    /// Records entries, one answer per entry and in their order. An id that is in `entries` twice is recorded once.
    async fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<Appended>, StoreError>;

    /// One entry, if it exists and is visible. An id of another store's form is no entry.
    async fn find(&self, id: &LogId, visibility: Visibility) -> Result<Option<LogEntry>, StoreError>;

    /// Which of these events are recorded, in no particular order. They need not be visible to readers yet.
    async fn lookup(&self, events: &[EventId]) -> Result<Vec<Recorded>, StoreError>;

    /// The entries of a window, in its order.
    async fn read(&self, selection: &Selection, window: Window) -> Result<Vec<LogEntry>, StoreError>;

    /// How many entries are selected, counted up to `at_most`.
    async fn count(&self, selection: &Selection, at_most: i64) -> Result<i64, StoreError>;

    /// The position of the newest entry that is read: the start of a live stream. `None` while the log has never held one.
    async fn last(&self) -> Result<Option<LogId>, StoreError>;

    /// Changes or removes an entry of an expected version. The record of the edit exists exactly if the edit does.
    async fn edit(
        &self,
        id: &LogId,
        edit: Edit,
        changes: Changes,
        expected: &Expected,
        by: &Editor,
    ) -> Result<Edited, StoreError>;

    /// Changes an entry, and returns its new state. A change of no field leaves no record.
    async fn update(
        &self,
        id: &LogId,
        changes: Changes,
        expected: &Expected,
        by: &Editor,
    ) -> Result<Edited, StoreError> {
        if changes.is_empty() {
            return Ok(unchanged(self.find(id, Visibility::Staff).await?, expected));
        }
        self.edit(id, Edit::Update, changes, expected, by).await
    }

    /// Removes an entry, and returns its last state.
    async fn remove(&self, id: &LogId, expected: &Expected, by: &Editor) -> Result<Edited, StoreError> {
        self.edit(id, Edit::Delete, Changes::default(), expected, by).await
    }

    /// Removes the oldest entries received before `cutoff`, at most `at_most` of them; returns how many.
    async fn expire(&self, cutoff: DateTime<Utc>, at_most: i64) -> Result<usize, StoreError>;

    /// Whether the store takes writes now, checked by a write.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Whether an id has the form of this store, so that it can be a position to read on from.
    fn is_position(&self, id: &LogId) -> bool;

    /// Closes a file, which then has no other files beside it; later calls fail.
    async fn close(&self) {}

    /// Changes with each append of this process. A hint that saves waiting, not a promise: other processes may append too.
    fn appended(&self) -> watch::Receiver<u64>;
}
