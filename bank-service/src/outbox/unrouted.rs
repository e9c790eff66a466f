//! Events that no queue takes although every expected queue exists: the installation consumes fewer types than there are.
//!
//! A row that was returned for as long as `store::unrouted` allows stays in the table and is not published until it is retried:
//! at each start, when a queue appears again, every [`EVERY`], and when an operator requests it (`events republish`). No
//! event is lost: as soon as a queue is bound for its type, the event is published.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::IntCounterVec;
use service_kit::telemetry::Metrics;

use super::marks::Marks;

const EVERY: TimeDelta = TimeDelta::hours(1);

pub(super) struct Unrouted {
    /// When all rows were last retried; `None`: a retry is due.
    tried_at: Option<DateTime<Utc>>,
    /// The row after which the next page begins, while a retry is in progress.
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

    /// Makes all rows due from the next [`Self::retry`] on.
    pub(super) fn try_again(&mut self) {
        self.tried_at = None;
    }

    /// Makes a page of rows due, if a retry is due. One retry takes each row at most once, even if it is returned again meanwhile.
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

    /// Counts the newly unrouted rows, and warns once per type.
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
