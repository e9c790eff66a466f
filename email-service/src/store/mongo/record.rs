//! The documents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Delivery, DeliveryId, EmailAddress, MessageId, State};
use crate::store::{Planned, StoreError};

/// One mail. Times are microseconds since 1970, UTC, as in SQLite; BSON's own dates would lose the last three digits. `claim`
/// and `claimed_until` stand beside these fields while a replica is sending.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "_id")]
    pub(super) id: i64,
    pub(super) event_id: String,
    event_type: String,
    recipient: String,
    /// The recipient in lower case: unique within its event.
    pub(super) mailbox: String,
    message_id: String,
    state: String,
    attempts: i32,
    answer: Option<String>,
    created_at: i64,
    updated_at: i64,
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
        Self {
            id,
            event_id: planned.event_id.to_string(),
            event_type: planned.event_type.clone(),
            recipient: recipient.as_str().to_owned(),
            mailbox: recipient.as_str().to_ascii_lowercase(),
            message_id: message_id.to_string(),
            state: State::Sending.as_str().to_owned(),
            attempts: 1,
            answer: None,
            created_at: now,
            updated_at: now,
        }
    }
}

impl TryFrom<Record> for Delivery {
    type Error = StoreError;

    /// A document that cannot be read was written by something else.
    fn try_from(record: Record) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeliveryId::try_new(record.id).map_err(unreadable)?,
            event_id: record.event_id.parse().map_err(unreadable)?,
            event_type: record.event_type,
            recipient: record.recipient.parse().map_err(unreadable)?,
            message_id: record.message_id.parse().map_err(unreadable)?,
            state: record.state.parse().map_err(unreadable)?,
            attempts: record.attempts,
            answer: record.answer,
            created_at: time(record.created_at)?,
            updated_at: time(record.updated_at)?,
        })
    }
}

pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unreadable(error.into())
}

fn time(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable("a time out of range"))
}
