//! Records events, a batch in one write.
//! An event counts once however often it is delivered: its id is unique in the store, and a duplicate is done. A message that
//! is no event, or too large for a log, is rejected by itself while its neighbours are recorded. If the store refuses the write,
//! all entries of it are to be retried; none of them is in effect then.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, Delivery, HandlerResult, decode_or_reject};
use shared_events::{Pattern, catalog};

use crate::domain::NewLogEntry;
use crate::metrics::LogMetrics;
use crate::store::{Appended, LogStore, StoreError};

/// The consumer of the queue `log-service`.
pub struct RecordEvent {
    store: Arc<dyn LogStore>,
    clock: SharedClock,
    metrics: Arc<LogMetrics>,
    bindings: Vec<Pattern>,
}

impl RecordEvent {
    pub fn new(store: Arc<dyn LogStore>, clock: SharedClock, metrics: Arc<LogMetrics>, bindings: &[Pattern]) -> Self {
        Self { store, clock, metrics, bindings: bindings.to_vec() }
    }

    /// An event with a confirmed mail is logged on the confirmation, by HTTP, unless the operator binds it.
    fn wants(&self, event_type: &str) -> bool {
        let is_bound = || self.bindings.iter().any(|pattern| pattern.matches(event_type));
        !catalog::is_private(event_type) && (!catalog::is_confirmed(event_type) || is_bound())
    }

    /// The entry to record, or the result of a message that gives none.
    fn entry(&self, delivery: &Delivery) -> Result<NewLogEntry, HandlerResult> {
        let event = decode_or_reject(delivery)?;
        if !self.wants(event.event_type.as_str()) {
            return Err(HandlerResult::Skipped);
        }
        NewLogEntry::from_event(event, self.clock.now()).map_err(|error| HandlerResult::reject(error.to_string()))
    }

    /// Records the entries; one outcome each, in order.
    async fn record(&self, entries: Vec<NewLogEntry>) -> Vec<HandlerResult> {
        let of_entry = |entry: &NewLogEntry| (entry.event_id, entry.event_type.clone(), entry.date);
        let events: Vec<_> = entries.iter().map(of_entry).collect();
        if events.is_empty() {
            return Vec::new();
        }
        self.metrics.batch(events.len());
        service_kit::fail_point!("log.delivered");
        match self.store.append(entries).await {
            Ok(appended) => {
                service_kit::fail_point!("log.inserted");
                let now = self.clock.now();
                for ((event_id, event_type, date), appended) in events.iter().zip(&appended) {
                    match appended {
                        Appended::Recorded(_) => {
                            self.metrics.recorded(event_type.as_str(), event_id.occurred_at(*date), now);
                        }
                        Appended::Duplicate { same_content, .. } => {
                            self.metrics.duplicate();
                            if !same_content {
                                self.metrics.conflict();
                                tracing::warn!(%event_id, %event_type, "an event came again with other content");
                            }
                        }
                    }
                }
                vec![HandlerResult::Done; events.len()]
            }
            Err(error) => {
                tracing::warn!(%error, events = events.len(), "events were not recorded");
                vec![not_recorded(&error); events.len()]
            }
        }
    }
}

/// A store that is unavailable or busy says nothing about the events.
fn not_recorded(error: &StoreError) -> HandlerResult {
    match error {
        StoreError::Unavailable(_) | StoreError::Busy(_) => HandlerResult::later(error.to_string()),
        StoreError::Corrupt(_) => HandlerResult::retry(error.to_string()),
    }
}

#[async_trait]
impl Consumer for RecordEvent {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        let mut entries = Vec::with_capacity(deliveries.len());
        let decided: Vec<Option<HandlerResult>> = deliveries
            .iter()
            .map(|delivery| match self.entry(delivery) {
                Ok(entry) => {
                    entries.push(entry);
                    None
                }
                Err(outcome) => Some(outcome),
            })
            .collect();
        let mut recorded = self.record(entries).await.into_iter();
        let unanswered = || HandlerResult::retry("the store answered for fewer events than it was given");
        decided.into_iter().map(|outcome| outcome.or_else(|| recorded.next()).unwrap_or_else(unanswered)).collect()
    }

    async fn dependency(&self) -> Result<(), String> {
        self.store.probe().await.map_err(|error| error.to_string())
    }
}
