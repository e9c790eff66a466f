//! Where entries are kept: the trait that every adapter honours, and the choice of an adapter by URL.
//!
//! Promises of every adapter:
//! - An entry is recorded once per `event_id`, whatever is appended twice or at the same time.
//! - `append` returns when its entries would survive a crash of this process and of the machine.
//! - Ids grow in the order in which entries become visible: once a reader has seen an id, no smaller one appears. Cursors,
//!   the live stream and the export rest on it. (An adapter whose ids are made by several writers has to hold back the
//!   newest entries until no smaller id can appear.)
//! - Every read carries what its caller may see, in the same query.
//! - All calls end in bounded time. What a failed call was to change may have changed if the store went away meanwhile;
//!   appending the same entries again finds out and doubles nothing.

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

/// A count stops here: whoever needs more walks with a cursor.
pub const COUNT_LIMIT: i64 = 10_001;

/// What an update without a change comes to.
fn unchanged(found: Option<LogEntry>, expected: &Expected) -> Edited {
    match found {
        None => Edited::Missing,
        Some(entry) if is_append_only(&entry.event_type) => Edited::AppendOnly,
        Some(entry) if expected.accepts(&entry) => Edited::Done(Box::new(entry)),
        Some(_) => Edited::Stale,
    }
}

/// What became of an entry that was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    Recorded(LogId),
    /// Its event id was there already, with the same content or with another.
    Duplicate {
        id: LogId,
        same_content: bool,
    },
}

/// That an event is recorded, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub event_id: EventId,
    pub id: LogId,
    pub received_at: DateTime<Utc>,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// So many entries in; costs as much as it skips.
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
    /// Nothing recorded after this entry: the end of a walk over a log that keeps growing.
    pub until: Option<LogId>,
}

/// Why a store did not answer. The text names no entry's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much work is waiting; trying again shortly helps.
    #[error("the log store is busy: {0}")]
    Busy(String),
    /// The store is away, locked, full or read-only; it may come back.
    #[error("the log store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored row is not what this version writes.
    #[error("the log store holds a row that cannot be read: {0}")]
    Corrupt(String),
}

/// A store of log entries.
#[async_trait]
pub trait LogStore: TicketStore {
    /// Records entries, one answer per entry and in their order. An id that stands twice in `entries` is recorded once.
    async fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<Appended>, StoreError>;

    /// One entry, if there is one and the reader may see it. An id of another store's form is an entry that is not there.
    async fn find(&self, id: &LogId, visibility: Visibility) -> Result<Option<LogEntry>, StoreError>;

    /// Which of these events are recorded, in no particular order. They need not be visible to readers yet.
    async fn lookup(&self, events: &[EventId]) -> Result<Vec<Recorded>, StoreError>;

    /// The entries of a window, in its order.
    async fn read(&self, selection: &Selection, window: Window) -> Result<Vec<LogEntry>, StoreError>;

    /// How many entries are selected, counted up to `at_most`.
    async fn count(&self, selection: &Selection, at_most: i64) -> Result<i64, StoreError>;

    /// The position of the newest entry that is read: where a live stream starts. `None` while the log has never held one.
    async fn last(&self) -> Result<Option<LogId>, StoreError>;

    /// Changes or removes an entry that is as expected. The record of the edit is there exactly if the edit is.
    async fn edit(
        &self,
        id: &LogId,
        edit: Edit,
        changes: Changes,
        expected: &Expected,
        by: &Editor,
    ) -> Result<Edited, StoreError>;

    /// Changes an entry, and returns it as it is now. No change at all leaves no record.
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

    /// Removes an entry, and returns it as it was.
    async fn remove(&self, id: &LogId, expected: &Expected, by: &Editor) -> Result<Edited, StoreError> {
        self.edit(id, Edit::Delete, Changes::default(), expected, by).await
    }

    /// Removes the oldest entries received before `cutoff`, at most `at_most` of them; returns how many.
    async fn expire(&self, cutoff: DateTime<Utc>, at_most: i64) -> Result<usize, StoreError>;

    /// Whether the store takes writes now, found out by writing.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Whether an id has the form that this store gives, so that it can be a position to read on from.
    fn is_position(&self, id: &LogId) -> bool;

    /// Changes whenever this process appended. A hint that saves waiting, not a promise: other processes may append too.
    fn appended(&self) -> watch::Receiver<u64>;
}
