//! Events that no queue takes although every expected queue is there: somebody chose to listen to less.
//!
//! A row that was returned for so long as `store::unrouted` says stays in the table and is published no more, until it is tried
//! again: at each start, when a queue is there again, every [`EVERY`], and when an operator asks for it
//! (`events republish`). Nothing is lost by it: as soon as a queue is bound for the type, the events come.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::IntCounterVec;
use service_kit::telemetry::Metrics;

use super::marks::Marks;

const EVERY: TimeDelta = TimeDelta::hours(1);

pub(super) struct Unrouted {
    /// When all were last tried again; none: it is time.
    tried_at: Option<DateTime<Utc>>,
    /// After which row the next page begins, while they are being made due.
    after: Option<i64>,
    warned: BTreeSet<String>,
    counted: IntCounterVec,
}

impl Unrouted {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let help = "Events that no queue took for a minute.";
        let counted = metrics.counter("bank_events_unrouted_total", help, &["event_type"]);
        Self { tried_at: None, after: None, warned: BTreeSet::new(), counted }
    }

    /// All are due from the next [`Self::retry`] on.
    pub(super) fn try_again(&mut self) {
        self.tried_at = None;
    }

    /// Makes a page of them due, if it is time. Each row at most once a time, however often it comes back meanwhile.
    pub(super) async fn retry(&mut self, marks: &Marks, now: DateTime<Utc>) {
        let is_time = self.tried_at.is_none_or(|last| now - last >= EVERY);
        if self.after.is_none() && !is_time {
            return;
        }
        if is_time {
            self.after = Some(0);
        }
        self.tried_at = Some(now);
        match marks.retry_unrouted(self.after.unwrap_or_default()).await {
            Ok(next) => self.after = next,
            Err(error) => {
                self.tried_at = None;
                tracing::warn!(%error, "unrouted events cannot be tried again; trying later");
            }
        }
    }

    /// Counts them, and warns once of each type.
    pub(super) fn found(&mut self, types: &[String]) {
        for event_type in types {
            self.counted.with_label_values(&[event_type]).inc();
            if self.warned.insert(event_type.clone()) {
                tracing::warn!(
                    event_type,
                    "no queue takes events of this type; they are kept and tried again every hour (is it in ROUTING_KEY?)"
                );
            }
        }
    }
}
