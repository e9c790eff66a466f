//! Dead letters as operators see them, without secrets.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use service_kit::messaging::DeadLetter;
use shared_events::date;
use utoipa::ToSchema;

use crate::domain::redaction;

/// A dead letter in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// The queue whose consumer gave it up.
    #[schema(example = "log-service")]
    pub queue: String,
    /// The event's id; for a message without one, derived from its content.
    #[schema(format = Uuid)]
    pub id: String,
    /// The routing key that it was published with: the event's type.
    #[schema(example = "card.created")]
    pub routing_key: String,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    #[schema(format = DateTime, example = "2025-01-16T17:10:26Z")]
    pub died_at: String,
}

/// A dead letter with its message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
pub struct DeadLetterDetail {
    #[serde(flatten)]
    pub summary: DeadLetterView,
    /// The message's id, as its publisher gave it.
    pub message_id: Option<String>,
    /// The request that caused it.
    pub correlation_id: Option<String>,
    /// The queue that a confirmation is wanted on.
    pub reply_to: Option<String>,
    /// The message's headers, as texts.
    pub headers: BTreeMap<String, String>,
    /// How many bytes the body has.
    pub size: usize,
    /// The body: JSON without secrets; of what is not JSON, the beginning of its text.
    pub body: Value,
}

impl DeadLetterView {
    pub fn new(dead_letter: &DeadLetter) -> Self {
        Self {
            queue: dead_letter.queue.clone(),
            id: dead_letter.id().to_string(),
            routing_key: dead_letter.message.routing_key.clone(),
            reason: dead_letter.reason.clone(),
            attempts: dead_letter.attempts,
            died_at: date::zoned::format(&dead_letter.died_at),
        }
    }
}

impl DeadLetterDetail {
    pub fn new(dead_letter: &DeadLetter) -> Self {
        let message = &dead_letter.message;
        Self {
            summary: DeadLetterView::new(dead_letter),
            message_id: message.properties.message_id.clone(),
            correlation_id: message.properties.correlation_id.clone(),
            reply_to: message.properties.reply_to.clone(),
            headers: message.headers.clone(),
            size: message.body.len(),
            body: redaction::body_of(message),
        }
    }
}
