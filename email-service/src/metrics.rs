//! The service's metrics. Labels come from fixed sets only, so that strangers' events cannot add series without limit.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{Histogram, IntCounterVec};
use service_kit::messaging::EndToEnd;
use service_kit::telemetry::Metrics;
use shared_events::catalog;
use shared_events::routing::EMAIL_QUEUE;

/// The outcomes that an alert counts: by the mail server for good, and by this service.
const REFUSALS: [&str; 2] = ["rejected", "refused"];

/// Counters of this service; clones share them.
#[derive(Clone)]
pub struct EmailMetrics {
    emails: IntCounterVec,
    skipped: IntCounterVec,
    seconds: Histogram,
    end_to_end: EndToEnd,
}

impl EmailMetrics {
    pub fn new(metrics: &Arc<Metrics>) -> Self {
        let outcomes = "Mails by event type and what became of the attempt";
        let seconds = metrics.histogram("bank_email_send_seconds", "How long the mailer took to answer", &[]);
        let emails = metrics.counter("bank_emails_total", outcomes, &["event_type", "outcome"]);
        // An alert sees the first refusals of a process only as a step from 0.
        for spec in catalog::all().filter(|spec| spec.is_mailed()) {
            for outcome in REFUSALS {
                emails.with_label_values(&[spec.event_type, outcome]);
            }
        }
        Self {
            emails,
            skipped: metrics.counter("bank_emails_skipped_total", "Events that have no template", &["event_type"]),
            seconds: seconds.with_label_values::<&str>(&[]),
            end_to_end: EndToEnd::new(metrics, "mailed"),
        }
    }

    /// One attempt, or one event without a mail.
    pub(crate) fn count(&self, event_type: &str, outcome: &str) {
        self.emails.with_label_values(&[catalog::label(event_type), outcome]).inc();
    }

    /// One mail that the mailer has accepted, of an event that happened at `occurred_at`.
    pub(crate) fn mailed(&self, event_type: &str, occurred_at: DateTime<Utc>, now: DateTime<Utc>) {
        self.end_to_end.observe(event_type, occurred_at, now);
    }

    /// One event without a template: by type if the default bindings bring it here, else as `other`.
    pub(crate) fn skip(&self, event_type: &str) {
        let known = catalog::find(event_type).filter(|_| catalog::queues_of(event_type).any(|one| one == EMAIL_QUEUE));
        let label = known.map_or("other", |spec| spec.event_type);
        self.skipped.with_label_values(&[label]).inc();
    }

    pub(crate) fn observe(&self, elapsed: Duration) {
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_step_from_zero() {
        let metrics = Metrics::new();
        let emails = EmailMetrics::new(&metrics);
        let line = |outcome: &str, count: u32| {
            format!("bank_emails_total{{event_type=\"bank.created\",outcome=\"{outcome}\"}} {count}")
        };
        for outcome in REFUSALS {
            assert!(metrics.render().contains(&line(outcome, 0)), "{outcome}");
            emails.count("bank.created", outcome);
            assert!(metrics.render().contains(&line(outcome, 1)), "{outcome}");
        }
    }
}
