//! One Prometheus registry per service.
//!
//! Every metric of ours is called `bank_…`, so that it collides with no other program's; `http_…` and `process_…` are common
//! names. The scrape's own labels (`job`, `instance`) name the service.
//!
//! Registering a name twice gives the same metric. A name that another kind of metric has is a fault of the program: it is
//! logged, and the metric that comes back works but is not published.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::Metric;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use super::trace;

/// From half a millisecond to ten seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// From five milliseconds to an hour.
const DELAYS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// The sizes of batches.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The prefixes of all metric names.
const PREFIXES: [&str; 2] = ["bank_", "http_"];

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
    pub fn new() -> Arc<Self> {
        let registry = Registry::new();
        // Memory, CPU, descriptors and start of the process, under the names that every Prometheus client has for them.
        if let Err(error) = registry.register(Box::new(ProcessCollector::for_self())) {
            tracing::error!(%error, "the metrics of the process cannot be registered");
        }
        let metrics = Arc::new(Self { registry, known: Mutex::default() });
        let build = metrics.gauge("bank_build_info", "Always 1; the labels tell the version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        if let Some(spans) = trace::spans() {
            // The same counter in each service: it is that of the process.
            metrics.register(trace::SPANS, || Ok(spans.clone()), Known::Counter, |_| None);
        }
        metrics
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

    /// The sum of a counter or gauge over all its labels; none if there is no such metric.
    pub fn total(&self, name: &str) -> Option<i64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()?;
        let sum: f64 = match &known {
            Known::Counter(counter) => values(counter).map(|metric| metric.get_counter().get_value()).sum(),
            Known::Gauge(gauge) => values(gauge).map(|metric| metric.get_gauge().get_value()).sum(),
            Known::Histogram(_) => return None,
        };
        // Whole numbers, as both kinds count: the text has no fraction and no exponent.
        format!("{sum:.0}").parse().ok()
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
        self.histogram_of(name, help, labels, &BUCKETS)
    }

    /// In seconds, of what an outage may delay, with buckets from five milliseconds to an hour.
    pub fn delays(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.histogram_of(name, help, labels, &DELAYS)
    }

    /// Of how many things were done at once, with buckets from 1 to 256.
    pub fn sizes(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.histogram_of(name, help, labels, &SIZES)
    }

    fn histogram_of(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let make = || HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels);
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
        assert!(
            PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
            "the metric {name} needs a prefix: {PREFIXES:?}"
        );
        let metric = make().unwrap_or_else(|error| panic!("the metric {name} is not valid: {error}"));
        match self.registry.register(Box::new(metric.clone())) {
            Ok(()) => drop(known.insert(name.to_owned(), wrap(metric.clone()))),
            Err(error) => tracing::error!(name, %error, "the metric cannot be registered"),
        }
        metric
    }
}

fn values(collector: &impl Collector) -> impl Iterator<Item = Metric> {
    collector.collect().into_iter().flat_map(|mut family| family.take_metric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_the_same_metric() {
        let metrics = Metrics::new();
        metrics.counter("bank_hits_total", "Hits.", &["route"]).with_label_values(&["/"]).inc();
        metrics.counter("bank_hits_total", "Hits.", &["route"]).with_label_values(&["/"]).inc();
        metrics.gauge("bank_queue", "Waiting.", &[]).with_label_values::<&str>(&[]).set(7);
        metrics.histogram("bank_seconds", "Time.", &[]).with_label_values::<&str>(&[]).observe(0.2);
        let text = metrics.render();
        assert!(text.contains("bank_hits_total{route=\"/\"} 2"), "{text}");
        assert!(text.contains("bank_queue 7"), "{text}");
        assert!(text.contains("bank_seconds_count 1"), "{text}");
    }

    #[test]
    fn a_total_is_the_sum_over_all_labels() {
        let metrics = Metrics::new();
        let gauge = metrics.gauge("bank_waiting", "Waiting.", &["event_type"]);
        assert_eq!(metrics.total("bank_waiting"), Some(0));
        gauge.with_label_values(&["a"]).set(7);
        gauge.with_label_values(&["b"]).set(-2);
        metrics.counter("bank_hits_total", "Hits.", &[]).with_label_values::<&str>(&[]).inc();
        metrics.histogram("bank_seconds", "Time.", &[]).with_label_values::<&str>(&[]).observe(0.2);
        let totals = ["bank_waiting", "bank_hits_total", "bank_seconds", "bank_other"].map(|name| metrics.total(name));
        assert_eq!(totals, [Some(5), Some(1), None, None]);
    }

    #[test]
    fn sizes_are_counted_in_powers_of_two() {
        let metrics = Metrics::new();
        metrics.sizes("bank_batch_size", "Sizes.", &[]).with_label_values::<&str>(&[]).observe(100.0);
        let text = metrics.render();
        for (bucket, count) in [("64", 0), ("128", 1), ("256", 1), ("+Inf", 1)] {
            assert!(text.contains(&format!("bank_batch_size_bucket{{le=\"{bucket}\"}} {count}")), "{text}");
        }
    }

    #[test]
    fn a_delay_of_minutes_has_a_bucket() {
        let metrics = Metrics::new();
        metrics.delays("bank_age_seconds", "Ages.", &[]).with_label_values::<&str>(&[]).observe(200.0);
        let text = metrics.render();
        for (bucket, count) in [("60", 0), ("300", 1), ("3600", 1)] {
            assert!(text.contains(&format!("bank_age_seconds_bucket{{le=\"{bucket}\"}} {count}")), "{text}");
        }
    }

    #[test]
    fn the_process_and_the_build_are_exported() {
        let text = Metrics::new().render();
        let names = [
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
            "process_start_time_seconds ",
            "process_open_fds ",
        ];
        for name in names {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(text.contains(concat!("bank_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")), "{text}");
    }

    #[test]
    fn a_name_taken_by_another_kind_does_no_harm() {
        let metrics = Metrics::new();
        metrics.counter("bank_x", "X.", &[]);
        metrics.gauge("bank_x", "X.", &[]).with_label_values::<&str>(&[]).set(1);
        assert!(!metrics.render().contains("# TYPE bank_x gauge"));
    }

    #[test]
    fn services_in_one_process_do_not_mix() {
        let (one, two) = (Metrics::new(), Metrics::new());
        one.counter("bank_x_total", "X.", &[]).with_label_values::<&str>(&[]).inc();
        assert!(!two.render().contains("bank_x_total"));
    }
}
