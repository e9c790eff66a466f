//! Counts the deliveries in flight in this process: taken from the broker and not settled yet.
//!
//! The broker does not report that number. A moment is *quiet* if nothing is in flight and nothing waits to be taken:
//! everything that had left the queue before is settled then. Quiet moments are counted, so that a caller that reads two
//! different counts knows that there was one in between, without comparing clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct InFlightTracker {
    held: AtomicUsize,
    quiet_moments: AtomicU64,
    recheck: Notify,
}

/// One delivery in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Held(Arc<InFlightTracker>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}

impl InFlightTracker {
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        self.held.fetch_add(1, Ordering::SeqCst);
        Held(Arc::clone(self))
    }

    /// Called when a worker has just found that nothing waits to be taken.
    pub(super) fn nothing_waits(&self) {
        if self.held.load(Ordering::SeqCst) == 0 {
            self.quiet_moments.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The number of quiet moments so far; also makes the workers check again whether anything waits.
    pub(super) fn quiet_moments(&self) -> u64 {
        let moments = self.quiet_moments.load(Ordering::SeqCst);
        self.recheck.notify_waiters();
        moments
    }

    /// Returns when a recheck is requested.
    pub(super) async fn recheck_requested(&self) {
        self.recheck.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_quiet_if_nothing_is_held_and_nothing_waits() {
        let tracker = Arc::<InFlightTracker>::default();
        tracker.nothing_waits();
        let held = tracker.hold();
        tracker.nothing_waits();
        assert_eq!(tracker.quiet_moments(), 1, "one is in hand");
        drop(held);
        assert_eq!(tracker.quiet_moments(), 1, "nobody has looked whether anything waits");
        tracker.nothing_waits();
        assert_eq!(tracker.quiet_moments(), 2);
    }
}
