//! An event as staff sees it, without secrets.

use serde::Serialize;
use serde_json::Value;
use shared_events::{WireMessage, date};
use utoipa::ToSchema;

use super::at;
use crate::domain::redaction;
use crate::store::StoreError;
use crate::store::event_trace::TracedRow;

/// An event as it was committed.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// The event's identity.
    #[schema(format = Uuid)]
    pub id: String,
    /// `<entity>.<past verb>`.
    #[schema(example = "card.created")]
    pub event_type: String,
    /// The publisher, as a URN.
    pub source: String,
    /// The user who caused it; null where nobody was logged in.
    pub user_id: Option<i64>,
    /// When it happened, in whole seconds.
    #[schema(format = DateTime, example = "2025-01-16T17:10:26Z")]
    pub date: String,
    /// The event, in a sentence.
    pub message: String,
    /// The event's facts, without secrets.
    pub data: Value,
    /// The request that caused it.
    pub correlation_id: Option<String>,
    /// The queue that a confirmation is wanted on.
    pub reply_to: Option<String>,
    /// When its change was committed.
    #[schema(format = DateTime)]
    pub committed_at: String,
    /// When the transport took it; null while it waits.
    #[schema(format = DateTime)]
    pub published_at: Option<String>,
}

impl EventView {
    /// [`StoreError::Corrupt`] if the row's message cannot be read.
    pub fn new(row: TracedRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "an event's message" };
        let message: WireMessage = serde_json::from_str(&row.message).map_err(|_| corrupt())?;
        let envelope = message.decode().map_err(|_| corrupt())?;
        Ok(Self {
            data: redaction::data_of(&row.event_type, &envelope.body.data),
            id: row.event_id,
            event_type: row.event_type,
            source: envelope.source,
            user_id: envelope.body.user_id.map(i64::from),
            date: date::zoned::format(&envelope.body.date),
            message: envelope.body.message,
            correlation_id: envelope.correlation_id,
            reply_to: envelope.reply_to,
            committed_at: at(row.created_at),
            published_at: row.sent_at.map(at),
        })
    }
}
