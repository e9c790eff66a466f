//! The metrics of this service alone.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use prometheus::{Histogram, HistogramOpts, IntCounterVec};
use service_kit::telemetry::Metrics;

/// Far more than the existing event types: a publisher that invents types cannot fill the metrics.
const EVENT_TYPES: usize = 256;
const BATCH_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Counts of recorded entries, by HTTP and by queue.
pub struct LogMetrics {
    recorded: IntCounterVec,
    duplicates: IntCounterVec,
    conflicts: IntCounterVec,
    batch: Histogram,
    seen: Mutex<HashSet<String>>,
}

impl LogMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            recorded: metrics.counter("bank_log_recorded_total", "Entries recorded, by event type.", &["event_type"]),
            duplicates: metrics.counter("bank_log_duplicates_total", "Events that had been recorded before.", &[]),
            conflicts: metrics.counter(
                "bank_log_conflicts_total",
                "Events that had been recorded before with other content.",
                &[],
            ),
            batch: batch_histogram(metrics),
            seen: Mutex::default(),
        }
    }

    pub fn recorded(&self, event_type: &str) {
        self.recorded.with_label_values(&[self.label(event_type)]).inc();
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

    fn label<'a>(&self, event_type: &'a str) -> &'a str {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(event_type) {
            return event_type;
        }
        if seen.len() >= EVENT_TYPES {
            return "other";
        }
        seen.insert(event_type.to_owned());
        event_type
    }
}

/// The shared histograms count seconds; this one counts events.
#[expect(clippy::expect_used, reason = "name and buckets are constants of the program, wrong in every run or in none")]
fn batch_histogram(metrics: &Metrics) -> Histogram {
    let options = HistogramOpts::new("bank_log_batch_size", "Events that one write was to record.");
    let histogram = Histogram::with_opts(options.buckets(BATCH_BUCKETS.to_vec())).expect("name and buckets are valid");
    if let Err(error) = metrics.registry().register(Box::new(histogram.clone())) {
        tracing::warn!(%error, "the batch sizes are not published");
    }
    histogram
}
