//! The broker, and how long it may take.

use std::fmt;
use std::time::Duration;

/// A broker and the exchange of the events. Holds the password: it is never shown.
#[derive(Clone)]
pub struct AmqpSettings {
    #[cfg(feature = "amqp")]
    pub(in crate::messaging) uri: lapin::uri::AMQPUri,
    pub exchange: String,
    /// Authorities that are trusted besides the system's, in PEM form; for `amqps`.
    pub ca_pem: Option<String>,
    /// A publisher publishes nothing before it has seen these queues; see `amqp::expected_queues`.
    pub expected_queues: Vec<String>,
    /// How long the broker may take to confirm a message before the connection counts as lost.
    pub confirm_limit: Duration,
    /// How long connecting, or any other single request, may take.
    pub request_limit: Duration,
    /// After which time a message that no queue is bound to is published again.
    pub unroutable_delay: Duration,
    /// How long messages of a paused queue are held before they are put back. Below the broker's limit for unacknowledged
    /// deliveries (30 minutes), at which it would close the channel and count a delivery.
    pub hold_limit: Duration,
}

impl fmt::Debug for AmqpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AmqpSettings");
        #[cfg(feature = "amqp")]
        shown.field("endpoint", &self.endpoint()).field("user", &self.user());
        shown.field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
