//! The metrics of the queue for hashing slots.

use prometheus::{Histogram, HistogramTimer, IntCounter, IntGauge};
use service_kit::telemetry::Metrics;

pub(super) struct HashingMetrics {
    waiting: IntGauge,
    wait_seconds: Histogram,
    refused: IntCounter,
}

/// A request that waits for a slot, until it is dropped.
pub(super) struct SlotWait<'a> {
    waiting: &'a IntGauge,
    _timer: HistogramTimer,
}

impl Drop for SlotWait<'_> {
    fn drop(&mut self) {
        self.waiting.dec();
    }
}

impl HashingMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let waiting = "Requests that wait for a slot to hash a password.";
        let wait = "Time that a request waited for such a slot.";
        let full = "Requests that were refused, since no slot was free in time.";
        Self {
            waiting: metrics.gauge("bank_password_hashes_waiting", waiting, &[]).with_label_values::<&str>(&[]),
            wait_seconds: metrics
                .histogram("bank_password_hash_wait_seconds", wait, &[])
                .with_label_values::<&str>(&[]),
            refused: metrics.counter("bank_password_hashes_refused_total", full, &[]).with_label_values::<&str>(&[]),
        }
    }

    pub(super) fn wait(&self) -> SlotWait<'_> {
        self.waiting.inc();
        SlotWait { waiting: &self.waiting, _timer: self.wait_seconds.start_timer() }
    }

    pub(super) fn count_refused(&self) {
        self.refused.inc();
    }
}
