//! A log entry: one event, recorded once.
//!
//! Invariants: `event_id` is unique in a store; `date` has whole seconds, as the wire shows it; message and data have at most
//! [`MAX_CONTENT_BYTES`] in sum, so that a page of entries has a bounded size.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use shared_events::{Envelope, EventId, EventType, UserId};
use utoipa::ToSchema;

/// The longest message that the HTTP API takes, in characters.
pub const MAX_MESSAGE_CHARS: usize = 1000;
/// The largest message and data together, in bytes of UTF-8 and JSON.
pub const MAX_CONTENT_BYTES: usize = 64 * 1024;
const MAX_ID_CHARS: usize = 64;

/// An entry's identity, opaque to clients. A store makes it; greater (in the store's own order) means recorded later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct LogId(String);

/// Why a text cannot be the id of an entry in any store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a log: 1 to {MAX_ID_CHARS} letters and digits are expected")]
pub struct LogIdError;

impl LogId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogId {
    type Err = LogIdError;
    fn from_str(text: &str) -> Result<Self, LogIdError> {
        let fits = (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(LogIdError) }
    }
}

impl From<i64> for LogId {
    /// The decimal form of a number that a store gave; stores give positive ones only.
    fn from(id: i64) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A log entry: one event, recorded once.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Log, example = example_log)]
pub struct LogEntry {
    /// Opaque; greater ones are not promised to sort as text.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    pub id: LogId,
    /// The event's identity; unique.
    #[schema(value_type = String, format = Uuid)]
    pub event_id: EventId,
    /// `<entity>.<past verb>`.
    #[schema(value_type = String, max_length = 100, pattern = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    pub event_type: EventType,
    /// The publisher of the event, as a URN.
    pub source: String,
    /// The user who caused it; null where nobody was logged in, and for a user where another one caused a transfer.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub user_id: Option<UserId>,
    /// When it happened, in whole seconds.
    #[serde(with = "shared_events::date::zoned")]
    #[schema(value_type = String, format = DateTime)]
    pub date: DateTime<Utc>,
    /// The event, in a sentence.
    pub message: String,
    /// The facts of the event. Whole numbers within 64 bits and doubles have the value that came, longer numbers the nearest double.
    /// Of a transfer, a user sees its own side whole, and of the other side only which it is.
    pub data: Value,
    /// When it was recorded, with fractions of a second.
    #[serde(serialize_with = "with_micros")]
    #[schema(value_type = String, format = DateTime)]
    pub received_at: DateTime<Utc>,
}

fn example_log() -> Value {
    let mut log = example_new_log();
    if let Some(fields) = log.as_object_mut() {
        fields.insert("id".to_owned(), json!("1"));
        fields.insert("received_at".to_owned(), json!("2025-01-16T17:10:26.123456Z"));
    }
    log
}

/// An event to record, as the document shows it.
pub fn example_new_log() -> Value {
    json!({
        "event_id": "01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12",
        "event_type": "account.created",
        "source": "urn:bank-service",
        "user_id": 1,
        "date": "2025-01-16T17:10:26Z",
        "message": "Account created with ID: 1",
        "data": {"name": "John Doe"},
    })
}

fn with_micros<S: Serializer>(date: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&date.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// Why an event cannot become an entry. Trying again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("message and data take {size} bytes, more than the {MAX_CONTENT_BYTES} that a log takes")]
    TooLarge { size: usize },
}

/// An entry that has no id yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLogEntry {
    pub event_id: EventId,
    pub event_type: EventType,
    pub source: String,
    pub user_id: Option<UserId>,
    pub date: DateTime<Utc>,
    pub message: String,
    pub data: Value,
    pub received_at: DateTime<Utc>,
}

impl NewLogEntry {
    /// The entry of an event, received now.
    pub fn from_event(event: Envelope, received_at: DateTime<Utc>) -> Result<Self, EntryError> {
        let body = event.body;
        Self {
            event_id: event.id,
            event_type: event.event_type,
            source: event.source,
            user_id: body.user_id,
            date: body.date,
            message: body.message,
            data: body.data,
            received_at,
        }
        .checked()
    }

    /// The same entry with its date cut to whole seconds, if its content is not too large.
    pub fn checked(mut self) -> Result<Self, EntryError> {
        let size = self.message.len() + self.data.to_string().len();
        if size > MAX_CONTENT_BYTES {
            return Err(EntryError::TooLarge { size });
        }
        self.date = self.date.trunc_subsecs(0);
        Ok(self)
    }

    /// The entry under the id that a store gave it.
    pub fn with_id(self, id: LogId) -> LogEntry {
        LogEntry {
            id,
            event_id: self.event_id,
            event_type: self.event_type,
            source: self.source,
            user_id: self.user_id,
            date: self.date,
            message: self.message,
            data: self.data,
            received_at: self.received_at,
        }
    }
}

/// The fields of an entry that an admin may change; `None` leaves the field.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub message: Option<String>,
    pub data: Option<Value>,
}

impl Changes {
    /// The names of the changed fields.
    pub fn fields(&self) -> Vec<&'static str> {
        let given = [("message", self.message.is_some()), ("data", self.data.is_some())];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.message.is_none() && self.data.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for good in ["1", "65a6f0c2b4d3e1f2a3b4c5d6"] {
            assert_eq!(good.parse::<LogId>().unwrap().as_str(), good);
        }
        for bad in ["", "-1", "1;drop", "a b", "é", &"1".repeat(65)] {
            assert_eq!(bad.parse::<LogId>(), Err(LogIdError), "{bad:?}");
        }
    }
}
