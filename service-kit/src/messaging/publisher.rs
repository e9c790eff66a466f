//! The publisher trait: takes a message and returns its result once that is known.

use std::time::Duration;

use async_trait::async_trait;
use shared_events::WireMessage;
use tokio::sync::broadcast;

use super::progress::Progress;

/// The destination of a message.
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
    /// The progress of earlier attempts: as the last `PublishResult::Later` gave it, empty at first.
    pub progress: Progress,
}

/// The result of publishing a message.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishResult {
    /// The transport has taken it for good. Nothing is left to do.
    Accepted,
    /// It has to be published again, not before `after`, and with this progress.
    Later {
        after: Duration,
        progress: Progress,
        /// The paused queue, if that is the reason; when `resumed` yields its name, the message is due at once.
        waiting_for: Option<String>,
        reason: String,
    },
    /// No queue is bound for it. It has to be published again, not before `after`.
    Unrouted { after: Duration, reason: String },
    /// The transport is unavailable, declines, or does not know the queue. As far as is known nothing happened; no attempt is
    /// spent.
    Unavailable { reason: String },
}

/// A way to publish messages.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes, and returns when the message's result is known. Dropping the future does not recall the message.
    async fn publish(&self, outgoing: Outgoing) -> PublishResult;

    /// Names of queues that resumed from a pause, or exist again after they were missing. A receiver that lagged behind should
    /// take all queues as resumed.
    fn resumed(&self) -> broadcast::Receiver<String>;

    /// Whether a queue is paused now. A caller that stores a `waiting_for` checks this after storing it, so that a resumption
    /// in between is not missed.
    fn is_paused(&self, _queue: &str) -> bool {
        false
    }
}
