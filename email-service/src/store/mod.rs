//! The records of deliveries, which make a mail take effect once per event and recipient.

#[cfg(feature = "mongodb")]
mod mongo;
mod schema;
mod sqlite;
mod target;

#[cfg(feature = "mongodb")]
pub use mongo::MongoStore;
pub use sqlite::SqliteStore;
pub use target::StoreTarget;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shared_events::EventId;

use crate::domain::{Delivery, DeliveryId, EmailAddress, State};

/// The limit on one event's recipients.
pub const MAX_RECIPIENTS: usize = 64;

/// The mails of one event, before they are sent.
#[derive(Debug, Clone)]
pub struct Planned {
    pub event_id: EventId,
    pub event_type: String,
    /// Without duplicates, in the order that determines their Message-IDs; at most [`MAX_RECIPIENTS`].
    pub recipients: Vec<EmailAddress>,
    /// The domain of new Message-IDs.
    pub message_id_domain: String,
}

/// The mailer's answer.
#[derive(Debug, Clone)]
pub struct Settled {
    pub id: DeliveryId,
    pub state: State,
    pub answer: String,
    /// False if the mailer was unavailable: then the attempt is taken back.
    pub counts: bool,
}

/// The requested records.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub event_id: Option<EventId>,
    pub event_type: Option<String>,
    pub state: Option<State>,
}

/// The requested part of them.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// From an offset, with the total.
    Page { offset: i64, size: i64 },
    /// After an id, without a total.
    After { id: i64, size: i64 },
}

/// Records in ascending order of id.
#[derive(Debug, Clone)]
pub struct Found {
    pub deliveries: Vec<Delivery>,
    /// The total number; only for [`Part::Page`].
    pub total: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the delivery records cannot be opened")]
    Open(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the delivery records cannot be read or written")]
    Access(#[from] service_kit::sqlite::SqliteError),
    #[error("the delivery records cannot be read or written")]
    Remote(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a delivery record makes no sense")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the delivery records cannot be reached in time")]
    Slow,
}

impl StoreError {
    /// Whether the store is unavailable or busy, which says nothing about the record.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Access(_) | Self::Remote(_) | Self::Slow)
    }
}

/// A record, and the replica that acts on it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// In state `sending`: to be sent now by the caller, and by no other at the same time.
    ToSend(Delivery),
    /// Final already.
    Settled(Delivery),
    /// Another replica is sending it, or crashed meanwhile and its claim has not expired yet.
    Elsewhere(Delivery),
}

/// Stores the records. A call's writes are durable when it returns, and it can safely be repeated when it fails.
#[async_trait]
pub trait DeliveryStore: Send + Sync + 'static {
    /// Marks every recipient's record `sending`, making missing ones, unless it is final already or another replica has claimed
    /// it. Returns the records in the order of the recipients. Within a process, only one handler at a time may begin an event.
    async fn begin(&self, planned: Planned, now: DateTime<Utc>) -> Result<Vec<Begun>, StoreError>;

    /// Records the mailer's answer; returns the record's new state.
    async fn settle(&self, settled: Settled, now: DateTime<Utc>) -> Result<Delivery, StoreError>;

    async fn find(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError>;

    async fn list(&self, selection: Selection, part: Part) -> Result<Found, StoreError>;

    /// Removes up to `limit` records that were made before a time; returns how many.
    async fn remove_before(&self, time: DateTime<Utc>, limit: i64) -> Result<usize, StoreError>;

    /// Whether the records can be written now.
    async fn probe(&self) -> Result<(), String>;

    /// Closes a file, which then has no other files beside it; later calls fail.
    async fn close(&self) {}
}
