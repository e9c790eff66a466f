//! One message as a consumer receives it, and the results that the consumer can return for it.

use shared_events::{Envelope, Event, WireMessage};

/// A message handed to a consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub message: WireMessage,
    /// The number of this attempt, from 1. Attempts during an outage are not counted.
    pub attempt: u32,
    /// Whether this queue may have seen the message before.
    pub redelivered: bool,
}

/// The result of handling a message. The reasons go to logs and dead letters: no secret and nothing of the body belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandlerResult {
    /// Its effect has taken place.
    Done,
    /// It requires no action here; acknowledged, and counted apart.
    Skipped,
    /// It failed for a reason that may pass.
    Retry { reason: String },
    /// It could not be tried: a dependency is unavailable, or another process holds it. Spends no attempt, up to a limit.
    Later { reason: String },
    /// It can never succeed; it becomes a dead letter at once.
    Reject { reason: String },
}

impl HandlerResult {
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into() }
    }

    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into() }
    }

    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject { reason: reason.into() }
    }
}

/// Reads the message as an event; a message that is none is poison, and the error is the result to return for it.
pub fn decode_or_reject(delivery: &Delivery) -> Result<Envelope, HandlerResult> {
    delivery.message.decode().map_err(|error| HandlerResult::reject(error.to_string()))
}

/// Reads the event's facts as their own type; facts that do not fit are poison.
pub fn data_or_reject<E: Event>(envelope: &Envelope) -> Result<E, HandlerResult> {
    envelope.data::<E>().map_err(|error| {
        let reason = shared_events::wire::describe_json_error(&error);
        HandlerResult::reject(format!("the data does not fit {}: {reason}", E::TYPE))
    })
}
