//! The consumer trait, and the settings by which a queue is run.

use std::time::Duration;

use async_trait::async_trait;
use shared_events::Pattern;

use super::delivery::{Delivery, HandlerResult};

/// The handling of a queue's messages. Concurrency, time limit, panics, attempts, delays and dead letters are the runner's.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Handles messages and returns one result for each, in order. With a `batch_size` of 1 there is always exactly one.
    ///
    /// The same message may come again at any time, so its effect must take place only once. The future is dropped at the time
    /// limit; it must not block its thread.
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult>;

    /// Whether the consumer's dependency (a database, a mail server) is available. Called after a retry or a time-out, and
    /// repeatedly while the queue is paused. An error means an outage: the queue pauses, and no attempt is spent.
    async fn dependency(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The settings of a queue.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    pub queue: String,
    /// Which routing keys of the exchange reach the queue.
    pub bindings: Vec<Pattern>,
    /// How many batches are handled at the same time.
    pub concurrency: usize,
    /// How many messages the handler gets at most in one call.
    pub batch_size: usize,
    /// How long a batch that is not full waits for more.
    pub linger: Duration,
    /// How long one call of the handler may take.
    pub time_limit: Duration,
    /// The delay after the first, second, … failed attempt; the last one serves for all further ones.
    pub retry_delays: Vec<Duration>,
    /// After so many failed attempts the message is a dead letter.
    pub max_attempts: u32,
    /// After so many attempts that panicked or ran out of time the message is a dead letter.
    pub max_panics: u32,
    /// How many messages may wait in memory.
    pub capacity: usize,
}

impl ConsumerSettings {
    /// One message at a time in four workers, 30 s each; five attempts over about 13 minutes; three panics.
    pub fn new(queue: &str, bindings: Vec<Pattern>) -> Self {
        Self {
            queue: queue.to_owned(),
            bindings,
            concurrency: 4,
            batch_size: 1,
            linger: Duration::ZERO,
            time_limit: Duration::from_secs(30),
            retry_delays: [5, 30, 120, 600].map(Duration::from_secs).to_vec(),
            max_attempts: 5,
            max_panics: 3,
            capacity: 1024,
        }
    }
}
