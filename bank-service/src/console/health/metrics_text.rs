//! The few facts that the health page reads from a service's metrics, in the text format of Prometheus.

const BUILD: &str = "bank_build_info{version=\"";
const PAUSED: &str = "bank_consumer_paused{queue=\"";
const MAX_VALUE_CHARS: usize = 80;
const MAX_PAUSED: usize = 50;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) version: Option<String>,
    /// The queues that are paused.
    pub(super) paused: Vec<String>,
}

pub(super) fn reported(text: &str) -> Reported {
    let labels = |prefix: &'static str| {
        text.lines().filter_map(move |line| {
            let (label, value) = line.strip_prefix(prefix)?.split_once('"')?;
            let value = value.trim_start_matches('}').trim();
            Some((label.chars().take(MAX_VALUE_CHARS).collect::<String>(), value))
        })
    };
    Reported {
        version: labels(BUILD).next().map(|(version, _)| version),
        paused: labels(PAUSED).filter(|(_, value)| *value == "1").map(|(queue, _)| queue).take(MAX_PAUSED).collect(),
    }
}

#[cfg(test)]
mod tests {
    use service_kit::telemetry::Metrics;

    use super::*;

    #[test]
    fn the_version_and_the_paused_queues_are_read_from_what_a_service_renders() {
        let metrics = Metrics::new();
        let paused = metrics.gauge("bank_consumer_paused", "1 while the queue is paused by an outage", &["queue"]);
        paused.with_label_values(&["email-service"]).set(1);
        paused.with_label_values(&["log-service"]).set(0);
        let found = reported(&metrics.render());
        assert_eq!(found.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(found.paused, ["email-service"]);
        assert_eq!(reported("<html>"), Reported::default());
    }
}
