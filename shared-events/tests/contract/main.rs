//! The contract on the wire: the committed files, the messages that are read, and those that are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod documents;
mod refusals;
mod round_trip;

use shared_events::wire::Properties;
use shared_events::{EventId, WireMessage};

/// A message as a publisher in another language may send it: a body and nothing else.
fn bare(routing_key: &str, body: &[u8]) -> WireMessage {
    WireMessage {
        routing_key: routing_key.to_owned(),
        properties: Properties::default(),
        headers: std::collections::BTreeMap::new(),
        body: body.to_vec(),
    }
}

const BODY: &str =
    r#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"Account created with ID: 1","data":{"name":"John Doe"}}"#;

fn id(number: u128) -> EventId {
    EventId(uuid::Uuid::from_u128(number))
}
