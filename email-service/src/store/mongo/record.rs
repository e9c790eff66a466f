//! The documents.

use serde::{Deserialize, Serialize};

use crate::domain::{Delivery, EmailAddress, MessageId, State};
use crate::store::schema::Row;
use crate::store::{Planned, StoreError};

/// One mail: the fields of its row in SQLite, so that times are microseconds here too; BSON's own dates would lose the last three
/// digits. `claim` and `claimed_until` stand beside them while a replica is sending.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) row: Row,
    /// The recipient in lower case: unique within its event.
    pub(super) mailbox: String,
}

/// The last assigned number, under the name of its collection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counter {
    #[serde(rename = "_id")]
    name: String,
    pub(super) value: i64,
}

impl Record {
    /// A record for the first attempt.
    pub(super) fn new(id: i64, planned: &Planned, recipient: &EmailAddress, message_id: &MessageId, now: i64) -> Self {
        let row = Row {
            id,
            event_id: planned.event_id.to_string(),
            event_type: planned.event_type.clone(),
            recipient: recipient.as_str().to_owned(),
            message_id: message_id.to_string(),
            state: State::Sending.as_str().to_owned(),
            attempts: 1,
            answer: None,
            created_at: now,
            updated_at: now,
        };
        Self { row, mailbox: recipient.as_str().to_ascii_lowercase() }
    }
}

impl TryFrom<Record> for Delivery {
    type Error = StoreError;

    /// A document that cannot be read was written by something else.
    fn try_from(record: Record) -> Result<Self, StoreError> {
        Self::try_from(record.row).map_err(unreadable)
    }
}

pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unreadable(error.into())
}
