//! Combines the answers of all queues into the sender's result.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::queue::Answer;
use crate::messaging::disposition::AttemptCounts;
use crate::messaging::{Progress, PublishResult, QueueProgress};

/// A paused queue announces its resumption; this delay is the safety net.
const PAUSED_DELAY: Duration = Duration::from_mins(1);
const FULL_DELAY: Duration = Duration::from_millis(100);

/// The progress of one message, queue by queue.
pub(super) struct Settlement {
    progress: Progress,
    now: DateTime<Utc>,
    after: Option<Duration>,
    waiting_for: Option<String>,
    reasons: Vec<String>,
}

impl Settlement {
    pub(super) fn new(progress: Progress, now: DateTime<Utc>) -> Self {
        Self { progress, now, after: None, waiting_for: None, reasons: Vec::new() }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A queue whose next attempt is not due yet.
    pub(super) fn wait_until(&mut self, queue: &str, due: DateTime<Utc>) {
        let after = (due - self.now).to_std().unwrap_or_default();
        self.later(queue, after, "the next attempt is not due yet");
    }

    /// A queue's answer; `None` if the queue was stopped before it could give one.
    pub(super) fn add(&mut self, queue: &str, before: AttemptCounts, answer: Option<Answer>) {
        match answer {
            Some(Answer::Done) => self.progress.set(queue, QueueProgress::Done),
            Some(Answer::Dead) => self.progress.set(queue, QueueProgress::Dead),
            Some(Answer::Retry { delay, counts, reason }) => {
                self.pending(queue, counts, Some(delay));
                self.later(queue, delay, &reason);
            }
            Some(Answer::Paused { reason }) => {
                self.pending(queue, before, None);
                self.waiting_for.get_or_insert_with(|| queue.to_owned());
                self.later(queue, PAUSED_DELAY, &reason);
            }
            Some(Answer::Full) => self.later(queue, FULL_DELAY, "the queue is full"),
            None => {
                self.pending(queue, before, None);
                self.later(queue, FULL_DELAY, "the queue was stopped");
            }
        }
    }

    pub(super) fn into_result(self) -> PublishResult {
        match self.after {
            None => PublishResult::Accepted,
            Some(after) => PublishResult::Later {
                after,
                progress: self.progress,
                waiting_for: self.waiting_for,
                reason: self.reasons.join("; "),
            },
        }
    }

    fn pending(&mut self, queue: &str, counts: AttemptCounts, delay: Option<Duration>) {
        let AttemptCounts { attempts, panics, postponed } = counts;
        let due = delay.and_then(|delay| self.now.checked_add_signed(TimeDelta::from_std(delay).ok()?));
        self.progress.set(queue, QueueProgress::Pending { attempts, panics, postponed, due });
    }

    /// The message is due when the first of its queues is due.
    fn later(&mut self, queue: &str, after: Duration, reason: &str) {
        self.after = Some(self.after.map_or(after, |known| known.min(after)));
        self.reasons.push(format!("{queue}: {reason}"));
    }
}
