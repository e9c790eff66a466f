//! What a publisher is: it takes a message and says, once it knows, what became of it.

use std::time::Duration;

use async_trait::async_trait;
use shared_events::WireMessage;
use tokio::sync::broadcast;

use super::progress::Progress;

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The topic exchange, which routes by the message's routing key.
    Exchange,
    /// One queue by its name, as for a reply.
    Queue(String),
}

/// A message to publish.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub message: WireMessage,
    pub destination: Destination,
    /// What earlier tries have achieved: as the last `Receipt::Later` gave it, empty at first.
    pub progress: Progress,
}

/// What became of a published message.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishResult {
    /// The transport has taken it for good. Nothing is left to do.
    Accepted,
    /// It has to be published again, not before `after`, and with this progress.
    Later {
        after: Duration,
        progress: Progress,
        /// The paused queue, if that is why; when its name comes from `resumed`, the message is due at once.
        waiting_for: Option<String>,
        reason: String,
    },
    /// No queue is bound for it. It has to be published again, not before `after`.
    Unrouted { after: Duration, reason: String },
    /// The transport is away, declines, or does not know the queue. As far as is known nothing happened; no attempt is spent.
    Unavailable { reason: String },
}

/// A way to publish messages.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes, and returns when the message's fate is known. Dropping the future does not take the message back.
    async fn publish(&self, outgoing: Outgoing) -> PublishResult;

    /// Names of queues that came back from a pause, or are there again after they were missing. A receiver that lagged behind
    /// should take all queues as resumed.
    fn resumed(&self) -> broadcast::Receiver<String>;

    /// Whether a queue is paused now. Whoever stores a `waiting_for` asks after storing it, so that a resumption in
    /// between is not missed.
    fn is_paused(&self, _queue: &str) -> bool {
        false
    }
}
