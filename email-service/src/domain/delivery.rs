//! The record of one mail: one event, one recipient.
//!
//! `sending` is written before the mailer is called, `sent`, `rejected` or `failed` after it has answered. A record that is
//! still `sending` when its event comes again was interrupted by a crash: the mail is sent again under the same Message-ID.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use shared_events::EventId;

use super::{EmailAddress, MessageId};

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The mailer was called, its answer is not known yet.
    Sending,
    /// Accepted for good.
    Sent,
    /// Refused for good.
    Rejected,
    /// The last attempt failed; another follows, unless the event has become a dead letter.
    Failed,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Sending, Self::Sent, Self::Rejected, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// A final delivery never changes.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Rejected)
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| "must be one of sending, sent, rejected, failed".to_owned())
    }
}

/// One mail to one recipient, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub event_type: String,
    pub recipient: EmailAddress,
    pub message_id: MessageId,
    pub state: State,
    /// The calls of the mailer; an outage of the mailer does not count.
    pub attempts: i32,
    /// The mailer's last answer.
    pub answer: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A record's number, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: a whole number from 1 to 9223372036854775807 is expected")]
pub struct DeliveryIdError;

impl DeliveryId {
    pub fn try_new(value: i64) -> Result<Self, DeliveryIdError> {
        if value >= 1 { Ok(Self(value)) } else { Err(DeliveryIdError) }
    }

    pub fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for DeliveryId {
    type Err = DeliveryIdError;

    fn from_str(text: &str) -> Result<Self, DeliveryIdError> {
        if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DeliveryIdError);
        }
        text.parse().map_err(|_| DeliveryIdError).and_then(Self::try_new)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
