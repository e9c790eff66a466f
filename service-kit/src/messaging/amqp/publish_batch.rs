//! Publishes with confirms: a batch of messages at once, then waits for all their confirms.
//!
//! A broker returns a message that no queue takes and then confirms it all the same. The library attaches each return to the
//! next confirm, which under load is another message's. So one confirm alone proves nothing; once all confirms of a batch are
//! there, all its returns are there, too. Returned messages are then identified by exchange and routing key, which is all that
//! routing depends on: a message of the same key that was routed before a binding was removed is published twice, never lost.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};

use super::error::AmqpError;
use crate::messaging::AmqpSettings;

/// A message as it goes onto the wire.
#[derive(Debug, Clone)]
pub(super) struct OutboundMessage {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

/// The outcome of one message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublishOutcome {
    /// The broker has stored it.
    Confirmed,
    /// No queue takes it.
    Unroutable,
    /// The broker declined, as for a full queue.
    Refused,
}

/// Why the outcomes of a batch are unknown: the connection has to be dropped.
#[derive(Debug)]
pub(super) enum BatchError {
    TimedOut,
    Broker(lapin::Error),
}

/// The same as an error of the connection; `doing` names the purpose.
pub(super) fn batch_error(settings: &AmqpSettings, error: BatchError, doing: &str) -> AmqpError {
    let (endpoint, limit) = (settings.endpoint(), settings.confirm_limit);
    match error {
        BatchError::TimedOut => AmqpError::TimedOut { endpoint, doing: doing.to_owned(), limit },
        BatchError::Broker(error) => AmqpError::of_request(&error, settings, doing),
    }
}

/// Publishes the messages, in order, and returns one outcome for each.
pub(super) async fn publish(
    channel: &Channel,
    messages: Vec<OutboundMessage>,
    limit: Duration,
) -> Result<Vec<PublishOutcome>, BatchError> {
    let addresses: Vec<_> =
        messages.iter().map(|message| (message.exchange.clone(), message.routing_key.clone())).collect();
    let confirmations = tokio::time::timeout(limit, send(channel, messages)).await.map_err(|_| BatchError::TimedOut)?;
    Ok(outcomes(&addresses, confirmations.map_err(BatchError::Broker)?))
}

async fn send(channel: &Channel, messages: Vec<OutboundMessage>) -> lapin::Result<Vec<Confirmation>> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::with_capacity(messages.len());
    for OutboundMessage { exchange, routing_key, properties, body } in messages {
        confirms.push(channel.basic_publish(exchange, routing_key, options, &body, properties).await?);
    }
    crate::fail_point!("publish.unconfirmed");
    try_join_all(confirms).await
}

fn outcomes(addresses: &[(ShortString, ShortString)], confirmations: Vec<Confirmation>) -> Vec<PublishOutcome> {
    let mut returned = BTreeSet::new();
    let mut confirmed = Vec::with_capacity(addresses.len());
    for confirmation in confirmations {
        confirmed.push(confirmation.is_ack());
        if let Some(message) = confirmation.take_message() {
            returned.insert((message.exchange.clone(), message.routing_key.clone()));
        }
    }
    let outcome = |(address, confirmed)| {
        if returned.contains(address) {
            PublishOutcome::Unroutable
        } else if confirmed {
            PublishOutcome::Confirmed
        } else {
            PublishOutcome::Refused
        }
    };
    addresses.iter().zip(confirmed).map(outcome).collect()
}
