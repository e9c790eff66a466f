//! The one deadline of everything that a stop waits for.
//!
//! A stop has many steps, each with its own limit; the sum of the limits may exceed the time that a process has to end. So
//! each step also gets at most the time left until one deadline, and the last steps get none if earlier ones took it all.

use std::time::Duration;

use tokio::time::{Instant, timeout};

/// From the signal to the end of the process.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);
/// From the signal to the end of all work. After it the log is written out and the last errors are reported: see
/// [`crate::telemetry::flush`], which has limits of its own.
pub const WORK_LIMIT: Duration = Duration::from_secs(8);
/// How long handlers of messages may finish what they have. Those that run longer are stopped; their messages are delivered again.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// The flush of the telemetry after the work fits into the rest.
const _: () = assert!(WORK_LIMIT.as_millis() + crate::telemetry::FLUSH_LIMIT.as_millis() <= STOP_LIMIT.as_millis());

/// A point in time that the steps of a stop share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    pub(crate) fn at(begun: Instant, limit: Duration) -> Self {
        Self(begun + limit)
    }

    /// How long a step with its own limit `most` may take.
    pub fn left(self, most: Duration) -> Duration {
        self.0.saturating_duration_since(Instant::now()).min(most)
    }

    /// Waits for a step; `None` if it takes longer.
    pub async fn wait<T>(self, most: Duration, step: impl Future<Output = T>) -> Option<T> {
        timeout(self.left(most), step).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(given: f64) -> Duration {
        Duration::from_secs_f64(given)
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_take_all_they_may_end_by_the_deadline_in_total() {
        let begun = Instant::now();
        let deadline = Deadline::at(begun, WORK_LIMIT);
        let mut given = Vec::new();
        // The limits of an HTTP server whose threads are blocked, and of the steps after it.
        for most in [0.5, 0.25, 5.0, 1.0, 6.0, 2.0] {
            let left = deadline.left(seconds(most));
            tokio::time::advance(left).await;
            given.push(left.as_secs_f64());
        }
        assert_eq!(given, [0.5, 0.25, 5.0, 1.0, 1.25, 0.0]);
        assert_eq!(begun.elapsed(), WORK_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_ends_early_leaves_its_time_to_the_others() {
        let deadline = Deadline::at(Instant::now(), WORK_LIMIT);
        assert_eq!(deadline.wait(seconds(5.0), async { 7 }).await, Some(7));
        assert_eq!(deadline.wait(seconds(5.0), std::future::pending::<()>()).await, None);
        assert_eq!(deadline.left(seconds(9.0)), seconds(3.0));
    }
}
