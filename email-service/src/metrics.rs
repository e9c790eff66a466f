//! The service's metrics. Labels come from fixed sets only, so that strangers' events cannot add series without limit.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, IntCounterVec};
use service_kit::telemetry::Metrics;

/// Event types without a template that are known to reach the queue; all others are counted as `other`.
const KNOWN_SKIPPED: &[&str] =
    &["branch.created", "card.created", "city.created", "client.created", "role.created", "social_status.created"];

/// Counters of this service; clones share them.
#[derive(Clone)]
pub struct EmailMetrics {
    emails: IntCounterVec,
    skipped: IntCounterVec,
    seconds: Histogram,
}

impl EmailMetrics {
    pub fn new(metrics: &Arc<Metrics>) -> Self {
        let outcomes = "Mails by event type and what became of the attempt";
        let seconds = metrics.histogram("bank_email_send_seconds", "How long the mailer took to answer", &[]);
        Self {
            emails: metrics.counter("bank_emails_total", outcomes, &["event_type", "outcome"]),
            skipped: metrics.counter("bank_emails_skipped_total", "Events that have no template", &["event_type"]),
            seconds: seconds.with_label_values::<&str>(&[]),
        }
    }

    /// One attempt, or one event without a mail.
    pub(crate) fn count(&self, event_type: &str, outcome: &str) {
        self.emails.with_label_values(&[event_type, outcome]).inc();
    }

    pub(crate) fn skip(&self, event_type: &str) {
        let label = KNOWN_SKIPPED.iter().find(|known| **known == event_type).copied().unwrap_or("other");
        self.skipped.with_label_values(&[label]).inc();
    }

    pub(crate) fn observe(&self, elapsed: Duration) {
        self.seconds.observe(elapsed.as_secs_f64());
    }
}
