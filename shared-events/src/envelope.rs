//! An event with its body, properties and headers.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::{Event, facts_of};
use crate::ids::{EventId, UserId};
use crate::routing::EventType;

/// The body on the wire: exactly these four keys, whatever the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Body {
    /// The user who caused the event; null where nobody was logged in.
    pub user_id: Option<UserId>,
    /// When it happened: `YYYY-MM-DDTHH:MM:SS`, UTC.
    #[serde(with = "crate::date")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub date: DateTime<Utc>,
    /// One line for people.
    pub message: String,
    /// The facts of the event, as its own type describes them.
    pub data: Value,
}

/// An event as the services handle it; [`crate::wire`] turns it into a message and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    pub id: EventId,
    pub event_type: EventType,
    /// The publisher, as a URN: `urn:bank-service`.
    pub source: String,
    /// The request that caused it, if any.
    pub correlation_id: Option<String>,
    /// W3C trace context, if any.
    pub traceparent: Option<String>,
    /// The queue that a confirmation is wanted on, if any.
    pub reply_to: Option<String>,
    pub body: Body,
}

impl Envelope {
    /// An envelope around an event's facts. `date` is cut to whole seconds, as the wire shows it.
    pub fn new<E: Event>(
        id: EventId,
        source: &str,
        user_id: Option<UserId>,
        date: DateTime<Utc>,
        event: &E,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id,
            event_type: E::event_type(),
            source: source.to_owned(),
            correlation_id: None,
            traceparent: None,
            reply_to: None,
            body: Body { user_id, date: date.trunc_subsecs(0), message: event.message(), data: facts_of(event)? },
        })
    }

    #[must_use]
    pub fn with_correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    #[must_use]
    pub fn with_reply_to(mut self, queue: impl Into<String>) -> Self {
        self.reply_to = Some(queue.into());
        self
    }

    /// The event's facts as its own type; an error names what does not fit.
    pub fn data<E: Event>(&self) -> Result<E, serde_json::Error> {
        E::deserialize(&self.body.data)
    }
}
