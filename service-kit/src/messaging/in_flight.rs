//! A process's report of the messages that it has taken from a queue and not settled yet.

use serde::{Deserialize, Serialize};

/// The report of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightReport {
    /// The process that reports.
    pub replica: String,
    /// How many of the queue's consumers it runs now.
    pub consumers: u32,
    /// How many moments there were at which nothing was in flight and nothing waited to be taken.
    pub quiet_moments: u64,
}
