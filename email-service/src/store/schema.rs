//! The table and its rows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;

use crate::domain::{Delivery, DeliveryId};

diesel::table! {
    deliveries (id) {
        id -> BigInt,
        event_id -> Text,
        event_type -> Text,
        recipient -> Text,
        message_id -> Text,
        state -> Text,
        attempts -> Integer,
        answer -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

/// A row, and in MongoDB a part of a document.
#[derive(Debug, Clone, Queryable, Selectable)]
#[cfg_attr(feature = "mongodb", derive(serde::Serialize, serde::Deserialize))]
#[diesel(table_name = deliveries, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct Row {
    #[cfg_attr(feature = "mongodb", serde(rename = "_id"))]
    pub(super) id: i64,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) recipient: String,
    pub(super) message_id: String,
    pub(super) state: String,
    pub(super) attempts: i32,
    pub(super) answer: Option<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = deliveries)]
pub(super) struct NewRow {
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) recipient: String,
    pub(super) message_id: String,
    pub(super) state: &'static str,
    pub(super) attempts: i32,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    /// A row that cannot be read was written by something else.
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: DeliveryId::try_new(row.id).map_err(unreadable)?,
            event_id: row.event_id.parse().map_err(unreadable)?,
            event_type: row.event_type,
            recipient: row.recipient.parse().map_err(unreadable)?,
            message_id: row.message_id.parse().map_err(unreadable)?,
            state: row.state.parse().map_err(unreadable)?,
            attempts: row.attempts,
            answer: row.answer,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
        })
    }
}

pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::DeserializationError(error.into())
}

fn time(micros: i64) -> Result<DateTime<Utc>, Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable("a time out of range"))
}
