//! The exchange and the queues, declared by the first service that starts and the same for all.
//!
//! | queue | what it is |
//! |---|---|
//! | `<queue>` | bound to the exchange; a message returned to it 20 times over goes to `<queue>.dead` |
//! | `<queue>.retry.5s` … | a message waits here for its next attempt, then expires back into `<queue>` |
//! | `<queue>.dead` | messages that were given up, until an operator replays or discards them |
//! | `<queue>.direct` | an exchange that leads to each of these by its name, for copies, replies and replays (see `routes`) |
//!
//! All are durable quorum queues whose dead letters the broker moves at least once, which needs `reject-publish`. An existing
//! queue with other arguments is an error that names it: queues are never changed silently. Bindings that a service no longer
//! declares stay, since another release may need them; an operator removes them.

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::connection::BrokerConnection;
use super::error::AmqpError;
use crate::messaging::ConsumerSettings;

/// How often a message may come back unsettled, because a process died with it or lost its connection.
const DELIVERY_LIMIT: i32 = 20;
/// Every peek returns a dead letter, so its queue must not have a limit that is ever met; 4.x sets 20 by default.
const DEAD_DELIVERY_LIMIT: i32 = 1_000_000;

/// The queue of messages that were given up.
pub fn dead_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// The queue in which messages wait for this delay: `log-service.retry.30s`.
pub fn retry_queue(queue: &str, delay: Duration) -> String {
    let ms = delay.as_millis();
    let length = match ms {
        _ if ms == 0 || !ms.is_multiple_of(1000) => format!("{ms}ms"),
        _ if !ms.is_multiple_of(60_000) => format!("{}s", ms / 1000),
        _ if !ms.is_multiple_of(3_600_000) => format!("{}m", ms / 60_000),
        _ => format!("{}h", ms / 3_600_000),
    };
    format!("{queue}.retry.{length}")
}

/// The exchange that leads to a queue and its retry and dead-letter queues by name: `log-service.direct`.
pub fn direct_exchange(queue: &str) -> String {
    format!("{queue}.direct")
}

/// A name for the wire. Names are checked on entry; one that is too long all the same becomes an empty one.
pub(super) fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

/// Makes the topic exchange.
pub(super) async fn declare_exchange(connection: &BrokerConnection) -> Result<(), AmqpError> {
    declare(connection, &connection.settings().exchange, ExchangeKind::Topic).await
}

/// The same, and checks its kind, if the user may declare it. For the start: a user who may not costs a line at ERROR in the
/// broker's log.
pub(super) async fn check_exchange(connection: &BrokerConnection) -> Result<(), AmqpError> {
    declare_exchange(connection).await?;
    match declare_as(connection, &connection.settings().exchange, ExchangeKind::Topic, false).await {
        Err(AmqpError::Forbidden { .. }) => Ok(()),
        outcome => outcome,
    }
}

/// Declares an exchange unless it exists. The passive check comes first and needs no right, while the broker's log has a line
/// at ERROR for each attempt of a user who may not declare it.
async fn declare(connection: &BrokerConnection, name: &str, kind: ExchangeKind) -> Result<(), AmqpError> {
    match declare_as(connection, name, kind.clone(), true).await {
        Err(AmqpError::Missing { .. }) => declare_as(connection, name, kind, false).await,
        outcome => outcome,
    }
}

async fn declare_as(
    connection: &BrokerConnection,
    name: &str,
    kind: ExchangeKind,
    passive: bool,
) -> Result<(), AmqpError> {
    let options = ExchangeDeclareOptions { durable: true, passive, ..ExchangeDeclareOptions::default() };
    let channel = connection.channel().await?;
    let declared = channel.exchange_declare(short(name), kind, options, FieldTable::default());
    connection.request(&format!("declaring the exchange {name:?}"), declared).await?;
    connection.request("closing a channel", channel.close(200, short("OK"))).await
}

/// Declares all queues of a consumer and binds them.
pub(super) async fn declare_queues(
    connection: &BrokerConnection,
    settings: &ConsumerSettings,
) -> Result<(), AmqpError> {
    for (name, arguments) in queues_of(settings) {
        declare_queue(connection, &name, arguments).await?;
    }
    for pattern in &settings.bindings {
        bind(connection, &settings.queue, &connection.settings().exchange, &pattern.to_string()).await?;
    }
    match declare_direct(connection, settings).await {
        Err(error @ AmqpError::Forbidden { .. }) => {
            tracing::debug!(%error, "the queue has no exchange of its own; the default exchange is used");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Checks that the user may declare a consumer's queue and that of its dead letters and bind the first, and that existing queues
/// have the right properties. Makes none: the broker checks the rights before the arguments, and refuses one that is no number.
pub(super) async fn check_queues(connection: &BrokerConnection, settings: &ConsumerSettings) -> Result<(), AmqpError> {
    let dead = dead_queue(&settings.queue);
    let named = |name: &str| name == dead || name == settings.queue;
    for (name, mut arguments) in queues_of(settings) {
        if is_there(connection, &name).await? {
            declare_queue(connection, &name, arguments).await?;
            continue;
        }
        if !named(&name) {
            continue;
        }
        arguments.insert("x-max-length".into(), AMQPValue::LongString("none".into()));
        match declare_queue(connection, &name, arguments).await {
            Ok(()) | Err(AmqpError::Differs { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for pattern in &settings.bindings {
        check_binding(connection, &settings.queue, &pattern.to_string()).await?;
    }
    Ok(())
}

/// Checks the rights to bind a queue, which are those to remove a binding: it removes one that nobody makes, for its argument.
async fn check_binding(connection: &BrokerConnection, queue: &str, key: &str) -> Result<(), AmqpError> {
    let mut unused = FieldTable::default();
    unused.insert("x-checked-only".into(), AMQPValue::LongString("none".into()));
    let channel = connection.channel().await?;
    let (exchange, doing) = (short(&connection.settings().exchange), format!("binding the queue {queue:?} to {key}"));
    match connection.request(&doing, channel.queue_unbind(short(queue), exchange, short(key), unused)).await {
        Ok(()) => connection.request("closing a channel", channel.close(200, short("OK"))).await,
        // The rights are checked first; there is no such queue yet, or no such binding.
        Err(AmqpError::Missing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Needs no right.
async fn is_there(connection: &BrokerConnection, queue: &str) -> Result<bool, AmqpError> {
    let options = QueueDeclareOptions { durable: true, passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.channel().await?;
    let declared = channel.queue_declare(short(queue), options, FieldTable::default());
    match connection.request(&format!("checking the queue {queue:?}"), declared).await {
        Ok(_) => Ok(true),
        Err(AmqpError::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Declares the exchange that leads to the consumer's queues by their names.
async fn declare_direct(connection: &BrokerConnection, settings: &ConsumerSettings) -> Result<(), AmqpError> {
    let exchange = direct_exchange(&settings.queue);
    declare(connection, &exchange, ExchangeKind::Direct).await?;
    for (queue, _) in queues_of(settings) {
        bind(connection, &queue, &exchange, &queue).await?;
    }
    Ok(())
}

/// The queues of a consumer with their arguments, in the order of declaration: each after the queues it leads to.
fn queues_of(settings: &ConsumerSettings) -> Vec<(String, FieldTable)> {
    let queue = settings.queue.as_str();
    let mut queues = vec![(dead_queue(queue), arguments(DEAD_DELIVERY_LIMIT, None, None))];
    for delay in &settings.retry_delays {
        queues.push((retry_queue(queue, *delay), arguments(DEAD_DELIVERY_LIMIT, Some(queue), Some(*delay))));
    }
    queues.push((queue.to_owned(), arguments(DELIVERY_LIMIT, Some(&dead_queue(queue)), None)));
    queues
}

async fn declare_queue(connection: &BrokerConnection, name: &str, arguments: FieldTable) -> Result<(), AmqpError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    // A refusal closes the channel, so each has its own.
    let channel = connection.channel().await?;
    connection
        .request(&format!("declaring the queue {name:?}"), channel.queue_declare(short(name), options, arguments))
        .await?;
    Ok(())
}

async fn bind(connection: &BrokerConnection, queue: &str, exchange: &str, key: &str) -> Result<(), AmqpError> {
    let channel = connection.channel().await?;
    let (options, doing) = (QueueBindOptions::default(), format!("binding the queue {queue:?} to {key}"));
    let bound = channel.queue_bind(short(queue), short(exchange), short(key), options, FieldTable::default());
    connection.request(&doing, bound).await?;
    connection.request("closing a channel", channel.close(200, short("OK"))).await
}

/// `to` is where dead letters of the queue go, by way of the default exchange.
fn arguments(delivery_limit: i32, to: Option<&str>, ttl: Option<Duration>) -> FieldTable {
    let mut table = FieldTable::default();
    let text = |value: &str| AMQPValue::LongString(value.into());
    table.insert("x-queue-type".into(), text("quorum"));
    table.insert("x-delivery-limit".into(), AMQPValue::LongInt(delivery_limit));
    table.insert("x-overflow".into(), text("reject-publish"));
    if let Some(queue) = to {
        table.insert("x-dead-letter-exchange".into(), text(""));
        table.insert("x-dead-letter-routing-key".into(), text(queue));
        table.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    }
    if let Some(ttl) = ttl {
        let ms = i32::try_from(ttl.as_millis()).unwrap_or(i32::MAX);
        table.insert("x-message-ttl".into(), AMQPValue::LongInt(ms));
    }
    table
}

#[cfg(test)]
mod definitions;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_retry_queues_contain_the_delay() {
        let names =
            [(1500, "1500ms"), (5000, "5s"), (30_000, "30s"), (120_000, "2m"), (600_000, "10m"), (7_200_000, "2h")];
        for (ms, name) in names {
            assert_eq!(retry_queue("q", Duration::from_millis(ms)), format!("q.retry.{name}"));
        }
    }
}
