//! What becomes of a message after an attempt.

use std::time::Duration;

/// Failed attempts of a message on a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    pub attempts: u32,
    /// Those among them that panicked or ran out of time.
    pub panics: u32,
    /// How often in a row it was postponed since, without having been tried.
    pub postponed: u32,
}

/// The action that a transport has to take on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Ack,
    /// Acknowledge, and count apart.
    Skip,
    RetryAfter {
        delay: Duration,
        counts: AttemptCounts,
        reason: String,
    },
    DeadLetter {
        counts: AttemptCounts,
        reason: String,
    },
    /// Keep it without counting the attempt, and pause the queue.
    Pause {
        reason: String,
    },
}
