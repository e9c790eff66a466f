//! Changes and removals by an admin, and the record that each leaves.
//!
//! The audit records (`security.*`, `log.*`) cannot be edited; only retention removes them. The record of an edit
//! holds its author, its time and the entry's identity; not the entry's content, which may have been removed for good reason.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use shared_events::{EventId, EventType, UserId};

use super::{LogEntry, NewLogEntry};

/// The first words of the types that cannot be edited.
const APPEND_ONLY: [&str; 2] = ["log", "security"];
/// The source of the records that this service makes itself.
const OWN_SOURCE: &str = "urn:log-service";

/// The author of an edit, and the identity of its record.
#[derive(Debug, Clone)]
pub struct Editor {
    pub user_id: Option<UserId>,
    pub event_id: EventId,
    pub at: DateTime<Utc>,
}

/// The outcome of an edit.
#[derive(Debug, Clone, PartialEq)]
pub enum Edited {
    /// The entry as it is now, or as it was before it was removed.
    Done(Box<LogEntry>),
    Missing,
    /// It is an audit record.
    AppendOnly,
    /// Its version is not the expected one.
    Stale,
}

/// The kind of edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    Update,
    Delete,
}

pub fn is_append_only(event_type: &EventType) -> bool {
    APPEND_ONLY.contains(&event_type.entity())
}

impl Editor {
    /// The record of an edit of this entry.
    pub fn record(&self, edit: Edit, of: &LogEntry, fields: &[&str]) -> NewLogEntry {
        let (event_type, did) = match edit {
            Edit::Update => ("log.updated", "updated"),
            Edit::Delete => ("log.deleted", "deleted"),
        };
        let mut data =
            json!({"id": of.id, "event_id": of.event_id, "event_type": of.event_type, "user_id": of.user_id});
        if edit == Edit::Update
            && let Some(facts) = data.as_object_mut()
        {
            facts.insert("fields".to_owned(), json!(fields));
        }
        NewLogEntry {
            event_id: self.event_id,
            event_type: EventType::known(event_type),
            source: OWN_SOURCE.to_owned(),
            user_id: self.user_id,
            date: self.at.trunc_subsecs(0),
            message: format!("Log {did} with ID: {}", of.id),
            data,
            received_at: self.at,
        }
    }
}
