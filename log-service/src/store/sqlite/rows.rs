//! Rows and entries. Dates are numbers in SQLite: seconds for `date`, microseconds for `received_at`.

use chrono::DateTime;
use diesel::prelude::*;
use shared_events::UserId;

use super::schema::logs;
use crate::domain::{LogEntry, LogId};
use crate::store::{Recorded, StoreError};

/// A row as shown: without the columns for the store alone.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = logs, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct Row {
    pub(super) id: i64,
    event_id: String,
    event_type: String,
    source: String,
    user_id: Option<i64>,
    date: i64,
    received_at: i64,
    message: String,
    data: String,
}

impl Row {
    /// The entry of a row; a fault names the row and the column, never the content.
    pub(super) fn into_entry(self) -> Result<LogEntry, StoreError> {
        let id = self.id;
        let corrupt = |column: &str| StoreError::Corrupt(format!("logs.{column} of row {id}"));
        Ok(LogEntry {
            id: LogId::from(id),
            event_id: self.event_id.parse().map_err(|_| corrupt("event_id"))?,
            event_type: self.event_type.parse().map_err(|_| corrupt("event_type"))?,
            source: self.source,
            user_id: self.user_id.map(UserId::try_new).transpose().map_err(|_| corrupt("user_id"))?,
            date: DateTime::from_timestamp_secs(self.date).ok_or_else(|| corrupt("date"))?,
            message: self.message,
            data: serde_json::from_str(&self.data).map_err(|_| corrupt("data"))?,
            received_at: DateTime::from_timestamp_micros(self.received_at).ok_or_else(|| corrupt("received_at"))?,
        })
    }
}

/// Id, event and time of a row.
pub(super) fn recorded((id, event_id, received_at): (i64, String, i64)) -> Result<Recorded, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt(format!("logs.{column} of row {id}"));
    Ok(Recorded {
        event_id: event_id.parse().map_err(|_| corrupt("event_id"))?,
        id: LogId::from(id),
        received_at: DateTime::from_timestamp_micros(received_at).ok_or_else(|| corrupt("received_at"))?,
    })
}
