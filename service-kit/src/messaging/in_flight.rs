//! What a process tells of the messages that it has taken from a queue and not settled yet.

use serde::{Deserialize, Serialize};

/// What a process tells of its hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightReport {
    /// Which process tells.
    pub replica: String,
    /// How many of the queue's consumers it runs now.
    pub consumers: u32,
    /// How many moments there were at which nothing was in hand and nothing waited to be taken.
    pub quiet_moments: u64,
}
