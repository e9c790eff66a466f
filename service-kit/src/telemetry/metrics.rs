//! One Prometheus registry per service.
//!
//! Registering a name twice gives the same metric. A name that is taken by another kind of metric is a fault of the
//! program: it is logged, and the metric that comes back works but is not published.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// From half a millisecond to ten seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone)]
enum Known {
    Counter(IntCounterVec),
    Gauge(IntGaugeVec),
    Histogram(HistogramVec),
}

/// The metrics of one service.
pub struct Metrics {
    registry: Registry,
    known: Mutex<HashMap<String, Known>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Every metric carries the label `service`.
    pub fn new(service: &'static str) -> Arc<Self> {
        let labels = HashMap::from([("service".to_owned(), service.to_owned())]);
        // Without a prefix the registry accepts any labels.
        let registry = Registry::new_custom(None, Some(labels)).unwrap_or_default();
        Arc::new(Self { registry, known: Mutex::default() })
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::error!(%error, "metrics cannot be rendered");
            String::new()
        })
    }

    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let make = || IntCounterVec::new(Opts::new(name, help), labels);
        self.register(name, make, Known::Counter, |known| match known {
            Known::Counter(counter) => Some(counter.clone()),
            Known::Gauge(_) | Known::Histogram(_) => None,
        })
    }

    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let make = || IntGaugeVec::new(Opts::new(name, help), labels);
        self.register(name, make, Known::Gauge, |known| match known {
            Known::Gauge(gauge) => Some(gauge.clone()),
            Known::Counter(_) | Known::Histogram(_) => None,
        })
    }

    /// In seconds, with buckets from half a millisecond to ten seconds.
    pub fn histogram(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let make = || HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels);
        self.register(name, make, Known::Histogram, |known| match known {
            Known::Histogram(histogram) => Some(histogram.clone()),
            Known::Counter(_) | Known::Gauge(_) => None,
        })
    }

    #[expect(clippy::panic, reason = "a metric's name is a constant of the program, wrong in every run or in none")]
    fn register<M: Collector + Clone + 'static>(
        &self,
        name: &str,
        make: impl FnOnce() -> prometheus::Result<M>,
        wrap: impl FnOnce(M) -> Known,
        unwrap: impl FnOnce(&Known) -> Option<M>,
    ) -> M {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metric) = known.get(name).and_then(unwrap) {
            return metric;
        }
        let metric = make().unwrap_or_else(|error| panic!("the metric {name} is not valid: {error}"));
        match self.registry.register(Box::new(metric.clone())) {
            Ok(()) => drop(known.insert(name.to_owned(), wrap(metric.clone()))),
            Err(error) => tracing::error!(name, %error, "the metric cannot be registered"),
        }
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_the_same_metric() {
        let metrics = Metrics::new("test");
        metrics.counter("hits_total", "Hits.", &["route"]).with_label_values(&["/"]).inc();
        metrics.counter("hits_total", "Hits.", &["route"]).with_label_values(&["/"]).inc();
        metrics.gauge("queue", "Waiting.", &[]).with_label_values::<&str>(&[]).set(7);
        metrics.histogram("seconds", "Time.", &[]).with_label_values::<&str>(&[]).observe(0.2);
        let text = metrics.render();
        assert!(text.contains("hits_total{route=\"/\",service=\"test\"} 2"), "{text}");
        assert!(text.contains("queue{service=\"test\"} 7"), "{text}");
        assert!(text.contains("seconds_count{service=\"test\"} 1"), "{text}");
    }

    #[test]
    fn a_name_taken_by_another_kind_does_no_harm() {
        let metrics = Metrics::new("test");
        metrics.counter("x", "X.", &[]);
        metrics.gauge("x", "X.", &[]).with_label_values::<&str>(&[]).set(1);
        assert!(!metrics.render().contains("gauge"));
    }

    #[test]
    fn services_in_one_process_do_not_mix() {
        let (one, two) = (Metrics::new("one"), Metrics::new("two"));
        one.counter("x_total", "X.", &[]).with_label_values::<&str>(&[]).inc();
        assert!(!two.render().contains("x_total"));
    }
}
