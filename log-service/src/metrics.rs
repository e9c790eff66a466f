//! The metrics of this service alone. Labels come from the catalogue of events, so that publishers add no values.

use chrono::{DateTime, Utc};
use prometheus::{Histogram, IntCounterVec};
use service_kit::messaging::EndToEnd;
use service_kit::telemetry::Metrics;
use shared_events::catalog;

/// Counts of recorded entries, by HTTP and by queue.
pub struct LogMetrics {
    recorded: IntCounterVec,
    duplicates: IntCounterVec,
    conflicts: IntCounterVec,
    batch: Histogram,
    end_to_end: EndToEnd,
}

impl LogMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        let size = "Events that one write was to record.";
        Self {
            recorded: metrics.counter("bank_log_recorded_total", "Entries recorded, by event type.", &["event_type"]),
            duplicates: metrics.counter("bank_log_duplicates_total", "Events that had been recorded before.", &[]),
            conflicts: metrics.counter(
                "bank_log_conflicts_total",
                "Events that had been recorded before with other content.",
                &[],
            ),
            batch: metrics.sizes("bank_log_batch_size", size, &[]).with_label_values::<&str>(&[]),
            end_to_end: EndToEnd::new(metrics, "logged"),
        }
    }

    /// One entry of an event that happened at `occurred_at`.
    pub fn recorded(&self, event_type: &str, occurred_at: DateTime<Utc>, now: DateTime<Utc>) {
        self.recorded.with_label_values(&[catalog::label(event_type)]).inc();
        self.end_to_end.observe(event_type, occurred_at, now);
    }

    pub fn duplicate(&self) {
        self.duplicates.with_label_values::<&str>(&[]).inc();
    }

    pub fn conflict(&self) {
        self.conflicts.with_label_values::<&str>(&[]).inc();
    }

    pub fn batch(&self, size: usize) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.batch.observe(f64::from(size));
    }
}
