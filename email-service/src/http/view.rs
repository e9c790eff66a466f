//! A delivery as staff sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Delivery;

/// One mail to one recipient, and how far it has come.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The delivery's id; greater ones are newer.
    #[schema(example = 1, minimum = 1)]
    pub id: i64,
    /// The event that the mail is sent for.
    #[schema(example = "01947028-0a10-7000-8000-000000000001", format = Uuid)]
    pub event_id: String,
    /// The event's type.
    #[schema(example = "account.created", max_length = 100, pattern = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    pub event_type: String,
    /// The address, masked.
    #[schema(example = "j***@example.com")]
    pub recipient: String,
    /// The mail's `Message-ID`, the same at each attempt.
    #[schema(example = "<01947028-0a10-7000-8000-000000000001@bank.localhost>", pattern = "^<[^<>@]+@[^<>@]+>$")]
    pub message_id: String,
    /// `sending`, `sent`, `rejected` or `failed`.
    #[schema(example = "sent")]
    pub state: &'static str,
    /// How often the mail server was asked.
    #[schema(example = 1, minimum = 0)]
    pub attempts: i32,
    /// The mail server's last answer.
    #[schema(example = "stored in the mailbox folder", max_length = 500)]
    pub answer: Option<String>,
    /// When the event came.
    #[schema(format = DateTime, example = "2025-01-16T17:10:26Z")]
    pub created_at: String,
    /// When `state`, `attempts` or `answer` changed last.
    #[schema(format = DateTime, example = "2025-01-16T17:10:26Z")]
    pub updated_at: String,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.get(),
            event_id: delivery.event_id.to_string(),
            event_type: delivery.event_type.clone(),
            recipient: delivery.recipient.masked(),
            message_id: delivery.message_id.to_string(),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            answer: delivery.answer.clone(),
            created_at: shared_events::date::zoned::format(&delivery.created_at),
            updated_at: shared_events::date::zoned::format(&delivery.updated_at),
        }
    }
}
