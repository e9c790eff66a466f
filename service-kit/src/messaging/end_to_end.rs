//! The time from an event's commit to its end, measured by the service that ends it.

use chrono::{DateTime, Utc};
use prometheus::HistogramVec;
use shared_events::catalog;

use crate::telemetry::Metrics;

/// The histogram of one end. Clones share it.
#[derive(Debug, Clone)]
pub struct EndToEnd {
    seconds: HistogramVec,
    end: &'static str,
}

impl EndToEnd {
    /// `end` is the value of the label: `logged` or `mailed`.
    pub fn new(metrics: &Metrics, end: &'static str) -> Self {
        let help = "From an event's commit to its end, by type and end.";
        Self { seconds: metrics.delays("bank_event_end_to_end_seconds", help, &["event_type", "end"]), end }
    }

    /// Counts an event that has reached its end now. Events of other publishers are left out, since their times are not ours;
    /// a clock that is behind the publisher's counts as no time.
    pub fn observe(&self, event_type: &str, occurred_at: DateTime<Utc>, now: DateTime<Utc>) {
        if let Some(spec) = catalog::find(event_type) {
            let took = (now - occurred_at).to_std().unwrap_or_default();
            self.seconds.with_label_values(&[spec.event_type, self.end]).observe(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn an_event_of_the_catalogue_is_counted_and_no_other() {
        let (metrics, now) = (Metrics::new(), DateTime::UNIX_EPOCH);
        let logged = EndToEnd::new(&metrics, "logged");
        logged.observe("bank.created", now - TimeDelta::milliseconds(40), now);
        logged.observe("bank.created", now + TimeDelta::seconds(1), now);
        logged.observe("stranger.came", now, now);
        let text = metrics.render();
        let labels = "end=\"logged\",event_type=\"bank.created\"";
        for line in [
            format!("bank_event_end_to_end_seconds_bucket{{{labels},le=\"0.025\"}} 1"),
            format!("bank_event_end_to_end_seconds_bucket{{{labels},le=\"0.05\"}} 2"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains("stranger"), "{text}");
    }
}
