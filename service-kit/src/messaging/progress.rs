//! The progress of a message at each queue. The sender keeps it between attempts, so that memory holds no waiting messages.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::disposition::AttemptCounts;

/// Progress by queue name; a queue that is not in it has not seen the message yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(pub BTreeMap<String, QueueProgress>);

/// The progress of one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueProgress {
    /// Handled or skipped.
    Done,
    /// Kept as a dead letter.
    Dead,
    /// To be tried again.
    Pending {
        /// Failed attempts so far.
        #[serde(default)]
        attempts: u32,
        /// Those among them that panicked or ran out of time.
        #[serde(default)]
        panics: u32,
        /// How often in a row it was postponed since.
        #[serde(default, skip_serializing_if = "is_zero")]
        postponed: u32,
        /// Not before this time: a queue with a short delay must not spend the attempts of one with a long delay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<DateTime<Utc>>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Progress {
    pub fn get(&self, queue: &str) -> Option<&QueueProgress> {
        self.0.get(queue)
    }

    pub fn set(&mut self, queue: &str, progress: QueueProgress) {
        self.0.insert(queue.to_owned(), progress);
    }
}

impl QueueProgress {
    /// The attempts so far; none for a queue that has finished.
    pub fn counts(&self) -> AttemptCounts {
        match *self {
            Self::Pending { attempts, panics, postponed, .. } => AttemptCounts { attempts, panics, postponed },
            Self::Done | Self::Dead => AttemptCounts::default(),
        }
    }
}
