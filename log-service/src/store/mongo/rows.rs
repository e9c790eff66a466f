//! The conversion between documents and entries.

use chrono::{DateTime, Utc};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{self, Binary, Bson, Document, doc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_events::UserId;

use super::json;
use crate::domain::{Changes, LogEntry, LogId, NewLogEntry};
use crate::store::position::SearchKeys;
use crate::store::{Appended, Recorded, StoreError};

const MICROS_PER_MILLI: i64 = 1_000;

/// An entry to insert. `_id` is its place in the sequence, assigned just before.
#[derive(Debug, Serialize)]
pub(super) struct NewRow {
    #[serde(rename = "_id")]
    pub(super) id: i64,
    pub(super) event_id: String,
    event_type: String,
    source: String,
    user_id: Option<i64>,
    date: bson::DateTime,
    received_at: bson::DateTime,
    /// BSON has milliseconds; this is the rest of the microseconds.
    received_at_us: i32,
    fingerprint: Binary,
    message: String,
    /// Message and data as they are searched: in lower case, every script.
    search: String,
    /// The users, besides `user_id`, who see the entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    viewers: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Bson>,
    /// Replaces `data` where BSON cannot hold it exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_json: Option<String>,
}

impl From<NewLogEntry> for NewRow {
    fn from(entry: NewLogEntry) -> Self {
        let fingerprint = entry.fingerprint().as_bytes().to_vec();
        let micros = entry.received_at.timestamp_micros();
        let (data, data_json) = split(&entry.data);
        let keys = SearchKeys::of(&entry.event_type, entry.user_id, &entry.message, &entry.data);
        Self {
            id: 0,
            event_id: entry.event_id.to_string(),
            event_type: entry.event_type.into(),
            source: entry.source,
            user_id: entry.user_id.map(i64::from),
            date: bson::DateTime::from_millis(entry.date.timestamp_millis()),
            received_at: bson::DateTime::from_millis(micros.div_euclid(MICROS_PER_MILLI)),
            received_at_us: i32::try_from(micros.rem_euclid(MICROS_PER_MILLI)).unwrap_or_default(),
            fingerprint: Binary { subtype: BinarySubtype::Generic, bytes: fingerprint },
            search: keys.text,
            viewers: keys.viewers.into_iter().map(i64::from).collect(),
            message: entry.message,
            data,
            data_json,
        }
    }
}

impl NewRow {
    /// The answer for this row if another row has its event id.
    pub(super) fn duplicate_of(&self, id: i64, fingerprint: &Binary) -> Appended {
        Appended::Duplicate { id: LogId::from(id), same_content: self.fingerprint.bytes == fingerprint.bytes }
    }

    pub(super) fn fingerprint(&self) -> &Binary {
        &self.fingerprint
    }
}

/// An entry as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "_id")]
    id: i64,
    event_id: String,
    event_type: String,
    source: String,
    user_id: Option<i64>,
    date: bson::DateTime,
    received_at: bson::DateTime,
    received_at_us: i32,
    message: String,
    data: Option<Bson>,
    data_json: Option<String>,
}

impl Row {
    /// The fields that are read.
    pub(super) fn projection() -> Document {
        doc! { "fingerprint": 0, "search": 0, "viewers": 0 }
    }

    /// The entry of a row; a fault names the document and the field, never the content.
    pub(super) fn into_entry(self) -> Result<LogEntry, StoreError> {
        let id = self.id;
        let corrupt = |field: &str| StoreError::Corrupt(format!("{field} of document {id}"));
        let data = match (self.data_json, self.data) {
            (Some(text), _) => serde_json::from_str(&text).ok(),
            (None, Some(data)) => json::from_bson(data),
            (None, None) => Some(Value::Null),
        };
        let received_at = micros(self.received_at, self.received_at_us);
        Ok(LogEntry {
            id: LogId::from(id),
            event_id: self.event_id.parse().map_err(|_| corrupt("event_id"))?,
            event_type: self.event_type.parse().map_err(|_| corrupt("event_type"))?,
            source: self.source,
            user_id: self.user_id.map(UserId::try_new).transpose().map_err(|_| corrupt("user_id"))?,
            date: DateTime::from_timestamp_millis(self.date.timestamp_millis()).ok_or_else(|| corrupt("date"))?,
            message: self.message,
            data: data.ok_or_else(|| corrupt("data"))?,
            received_at: received_at.ok_or_else(|| corrupt("received_at"))?,
        })
    }
}

/// A recorded entry, without its content.
#[derive(Debug, Deserialize)]
pub(super) struct BriefRow {
    #[serde(rename = "_id")]
    id: i64,
    event_id: String,
    received_at: bson::DateTime,
    received_at_us: i32,
}

impl BriefRow {
    pub(super) fn projection() -> Document {
        doc! { "event_id": 1, "received_at": 1, "received_at_us": 1 }
    }

    pub(super) fn into_recorded(self) -> Result<Recorded, StoreError> {
        let corrupt = |field: &str| StoreError::Corrupt(format!("{field} of document {}", self.id));
        Ok(Recorded {
            event_id: self.event_id.parse().map_err(|_| corrupt("event_id"))?,
            id: LogId::from(self.id),
            received_at: micros(self.received_at, self.received_at_us).ok_or_else(|| corrupt("received_at"))?,
        })
    }
}

/// A time with the microseconds that BSON omits.
fn micros(time: bson::DateTime, rest_us: i32) -> Option<DateTime<Utc>> {
    let micros = time.timestamp_millis().checked_mul(MICROS_PER_MILLI)?;
    DateTime::from_timestamp_micros(micros.checked_add(rest_us.into())?)
}

/// The update that applies the changes to an entry; the fingerprint of the received content stays.
pub(super) fn change(before: &LogEntry, changes: Changes) -> Document {
    let (mut set, mut unset) = (Document::new(), Document::new());
    let message = changes.message.as_ref().unwrap_or(&before.message);
    let data = changes.data.as_ref().unwrap_or(&before.data);
    let keys = SearchKeys::of(&before.event_type, before.user_id, message, data);
    set.insert("search", keys.text);
    if keys.viewers.is_empty() {
        unset.insert("viewers", "");
    } else {
        set.insert("viewers", keys.viewers.into_iter().map(i64::from).collect::<Vec<_>>());
    }
    if let Some(message) = changes.message {
        set.insert("message", message);
    }
    if let Some(data) = changes.data {
        match split(&data) {
            (Some(data), _) => {
                set.insert("data", data);
                unset.insert("data_json", "");
            }
            (None, text) => {
                set.insert("data_json", text);
                unset.insert("data", "");
            }
        }
    }
    let mut update = doc! { "$set": set };
    if !unset.is_empty() {
        update.insert("$unset", unset);
    }
    update
}

/// A document that takes an id for good, so that no late insert can use it. It is never read.
pub(super) fn void(id: i64, now: DateTime<Utc>) -> Document {
    let now = bson::DateTime::from_millis(now.timestamp_millis());
    doc! { "_id": id, "event_id": format!("void-{id}"), "void": true, "received_at": now }
}

fn split(data: &Value) -> (Option<Bson>, Option<String>) {
    let bson = json::to_bson(data);
    let text = bson.is_none().then(|| data.to_string());
    (bson, text)
}
