//! The service's metrics. Labels come from fixed sets only, so that strangers' events cannot add series without limit.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, IntCounterVec};
use service_kit::telemetry::Metrics;
use shared_events::catalog;
use shared_events::routing::EMAIL_QUEUE;

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
