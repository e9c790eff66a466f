//! Messages that were given up, kept with the reason until an operator replays or discards them.
//!
//! A dead letter is identified by its queue and its event id; adding the same again replaces it. Dead letters can hold the
//! data of their events, so a store of them is as private as the system's data; but links and codes are removed from them.

mod admin;
mod folder;

use std::io;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_events::{EventId, WireMessage};

#[cfg(feature = "amqp")]
pub(crate) use admin::missing;
pub use admin::{
    ActionResult, Backlog, DeadLetterAction, DeadLetterAdmin, InProcessDeadLetterAdmin, MAX_SELECTED, Selection,
    not_replayable,
};
pub use folder::DeadLetterFolder;

/// The longest page.
pub const MAX_PAGE: usize = 100;

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub queue: String,
    pub reason: String,
    /// How many attempts were spent on it.
    pub attempts: u32,
    pub died_at: DateTime<Utc>,
    /// The message as received, ready to be published again; without its secrets, if it is of a kind that holds any.
    pub message: WireMessage,
}

impl DeadLetter {
    /// The event's id; for a message whose id is unreadable, one derived from its content.
    pub fn id(&self) -> EventId {
        let message = &self.message;
        message.event_id().unwrap_or_else(|_| EventId::from_content(&message.routing_key, &message.body))
    }
}

/// A store of dead letters.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps a dead letter. When this returns without an error, the dead letter survives a crash.
    async fn add(&self, dead_letter: DeadLetter) -> io::Result<()>;

    /// The queues that have dead letters, in order of name.
    async fn queues(&self) -> io::Result<Vec<String>>;

    /// A page of a queue's dead letters in order of id, which is the order of the events; at most [`MAX_PAGE`] of them.
    async fn list(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>>;

    async fn get(&self, queue: &str, id: EventId) -> io::Result<Option<DeadLetter>>;

    /// Discards a dead letter; false if there was none.
    async fn remove(&self, queue: &str, id: EventId) -> io::Result<bool>;
}
