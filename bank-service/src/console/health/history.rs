//! The last 15 minutes of some numbers, for the sparklines of the health page: one sample every five seconds, read from the
//! metrics of this process, so that a sample costs no query. A number that this process does not measure is missing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use service_kit::lifecycle::Shutdown;
use service_kit::telemetry::Metrics;

const EVERY: Duration = Duration::from_secs(5);
/// 15 minutes.
const MAX_SAMPLES: usize = 180;
/// The size of a sparkline in its own units; one sample is one unit wide.
const HEIGHT: i64 = 32;

/// Name on the page, metric, and what its values count: `s`, or a noun.
const SERIES: [(&str, &str, &str); 5] = [
    ("Waiting in the outbox", "bank_events_waiting", "event"),
    ("Oldest in the outbox", "bank_outbox_oldest_seconds", "s"),
    ("On their way", "bank_events_in_flight", "event"),
    ("Dead letters", "bank_events_parked", "event"),
    ("Unaccounted for", "bank_events_unaccounted", "event"),
];

type Sample = [Option<i64>; SERIES.len()];

/// Clones share the samples.
#[derive(Clone)]
pub(in crate::console) struct History {
    metrics: Arc<Metrics>,
    samples: Arc<Mutex<VecDeque<Sample>>>,
}

/// One number over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sparkline {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// None: this process does not measure it.
    pub(super) now: Option<i64>,
    pub(super) least: i64,
    pub(super) most: i64,
    /// The points of an SVG polyline in a box of 180 by 32; none with fewer than two samples.
    pub(super) points: String,
}

impl History {
    pub(in crate::console) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, samples: Arc::default() }
    }

    pub(in crate::console) async fn run(&self, shutdown: Shutdown) {
        loop {
            self.record();
            if !shutdown.sleep(EVERY).await {
                return;
            }
        }
    }

    fn record(&self) {
        let sample = self.sample();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= MAX_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    fn sample(&self) -> Sample {
        SERIES.map(|(_, metric, _)| self.metrics.total(metric))
    }

    pub(super) fn sparklines(&self) -> Vec<Sparkline> {
        let now = self.sample();
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let series = SERIES.into_iter().zip(now).enumerate();
        let lines = series.map(|(index, ((name, _, unit), now))| {
            let values: Vec<i64> = samples.iter().filter_map(|sample| sample.get(index).copied().flatten()).collect();
            sparkline(name, unit, now, &values)
        });
        lines.collect()
    }
}

/// The newest value is at the right edge, and the greatest one at the top.
fn sparkline(name: &'static str, unit: &'static str, now: Option<i64>, values: &[i64]) -> Sparkline {
    let least = values.iter().copied().min().unwrap_or_default();
    let most = values.iter().copied().max().unwrap_or_default();
    let first = MAX_SAMPLES.saturating_sub(values.len());
    let place = |(index, value): (usize, &i64)| format!("{},{}", first + index, height(*value, most));
    // One point is no line.
    let drawn: &[i64] = if values.len() < 2 { &[] } else { values };
    let points: Vec<String> = drawn.iter().enumerate().map(place).collect();
    Sparkline { name, unit, now, least, most, points: points.join(" ") }
}

/// From the top of the box: 1 for the greatest value, one above the bottom for 0.
fn height(value: i64, most: i64) -> i64 {
    let room = HEIGHT - 2;
    let up = value.max(0).saturating_mul(room).checked_div(most.max(1)).unwrap_or_default();
    HEIGHT - 1 - up.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_ends_at_the_right_edge_and_stays_in_its_box() {
        let line = sparkline("n", "s", Some(4), &[0, 2, 4]);
        assert_eq!((line.least, line.most, line.points.as_str()), (0, 4, "177,31 178,16 179,1"));
        assert_eq!(sparkline("n", "s", None, &[]).points, "");
        assert_eq!(sparkline("n", "s", Some(4), &[4]).points, "", "one sample is no line");
        assert_eq!(sparkline("n", "s", Some(4), &[4, 4]).points, "178,1 179,1");
        for value in [-1, 0, 1, i64::MAX] {
            assert!((1..=31).contains(&height(value, value)), "{value}");
        }
    }

    #[test]
    fn the_history_is_bounded_and_knows_what_is_not_measured() {
        let history = History::new(Metrics::new());
        let waiting = history.metrics.gauge("bank_events_waiting", "Waiting.", &["event_type"]);
        for number in 0..1_000 {
            waiting.with_label_values(&["a"]).set(number);
            history.record();
        }
        let lines = history.sparklines();
        let [first, second, ..] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((first.now, first.least, first.most), (Some(999), 820, 999));
        assert_eq!(first.points.split(' ').count(), MAX_SAMPLES);
        assert_eq!((second.now, second.points.as_str()), (None, ""));
    }
}
