//! The queues that must exist before anything is published.
//!
//! A message is routed to the queues that exist at that moment: one published while only log-service has declared its queue
//! never reaches email-service. So the settings of a publisher may name the queues to expect, and it publishes nothing before
//! it has seen them all on this connection. A queue that was missing at first also needs a consumer when it appears: a service
//! declares its queue, binds it and then consumes, and it is the binding that counts. The check needs no rights.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::connection::BrokerConnection;
use super::error::AmqpError;
use super::topology::short;

const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The state of the expected queues on one connection.
pub(super) struct ExpectedQueues {
    missing: Vec<String>,
    were_missing: BTreeSet<String>,
}

impl ExpectedQueues {
    pub(super) fn new(names: &[String]) -> Self {
        Self { missing: names.to_vec(), were_missing: BTreeSet::new() }
    }

    /// Checks the missing queues; returns those that are still missing.
    pub(super) async fn check(&mut self, connection: &BrokerConnection) -> Result<&[String], AmqpError> {
        let mut missing = Vec::new();
        for name in std::mem::take(&mut self.missing) {
            let consumers = consumers(connection, &name).await?;
            if consumers.is_none() {
                self.were_missing.insert(name.clone());
            }
            if !is_there(consumers, self.were_missing.contains(&name)) {
                missing.push(name);
            }
        }
        self.missing = missing;
        Ok(&self.missing)
    }

    /// The queues that were missing at an earlier check.
    pub(super) fn were_missing(&self) -> impl Iterator<Item = &str> {
        self.were_missing.iter().map(String::as_str)
    }

    pub(super) async fn pause() {
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

fn is_there(consumers: Option<u32>, was_missing: bool) -> bool {
    match consumers {
        None => false,
        Some(consumers) => consumers > 0 || !was_missing,
    }
}

/// How many consumers a queue has; `None` if there is no such queue.
async fn consumers(connection: &BrokerConnection, name: &str) -> Result<Option<u32>, AmqpError> {
    let passive = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    // A missing queue closes the channel, so each check has its own.
    let channel = connection.channel().await?;
    let declared = channel.queue_declare(short(name), passive, FieldTable::default());
    match connection.request(&format!("checking for the queue {name:?}"), declared).await {
        Ok(queue) => {
            connection.request("closing a channel", channel.close(200, "OK".into())).await?;
            Ok(Some(queue.consumer_count()))
        }
        Err(AmqpError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_was_missing_counts_once_it_is_consumed() {
        assert!(!is_there(None, true));
        assert!(!is_there(Some(0), true), "it is declared, and not bound perhaps");
        assert!(is_there(Some(1), true));
        assert!(is_there(Some(0), false), "its service is stopped, and its bindings are there");
    }
}
