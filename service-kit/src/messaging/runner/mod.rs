//! Runs a consumer on messages: time limit, panics, the check whether an outage caused a failure, and the disposition. It
//! knows no transport; [`decide()`] is pure.
//!
//! A handler call that panics or runs out of time on several messages says nothing about any one of them, so the handler then
//! gets each message alone, at once: only the poison spends an attempt.

mod attempt;
mod decide;
mod traced;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use decide::{AttemptResult, decide};
use tracing::Instrument as _;

use self::traced::TracedBatch;
pub use super::disposition::{AttemptCounts, Disposition};
use super::metrics::QueueMetrics;
use super::{Consumer, ConsumerSettings, Delivery};
use crate::telemetry::Metrics;
use crate::telemetry::trace::MessagingSystem;

/// A dependency that has not answered by then counts as unavailable.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// A consumer with its settings.
pub struct Runner {
    settings: ConsumerSettings,
    consumer: Arc<dyn Consumer>,
    metrics: QueueMetrics,
    /// The transport, as spans name it.
    system: MessagingSystem,
}

impl Runner {
    pub(crate) fn new(
        settings: ConsumerSettings,
        consumer: Arc<dyn Consumer>,
        metrics: &Metrics,
        system: MessagingSystem,
    ) -> Self {
        let metrics = QueueMetrics::new(metrics, &settings.queue);
        Self { settings, consumer, metrics, system }
    }

    pub fn settings(&self) -> &ConsumerSettings {
        &self.settings
    }

    pub(crate) fn metrics(&self) -> &QueueMetrics {
        &self.metrics
    }

    /// Passes the deliveries to the consumer and returns one disposition for each, in order. `counts` are the failed attempts
    /// before this one, in the same order.
    pub async fn run(&self, deliveries: &[Delivery], counts: &[AttemptCounts]) -> Vec<Disposition> {
        for delivery in deliveries {
            self.metrics.observe_age(delivery);
        }
        let started = Instant::now();
        let (results, known_outage) =
            self.metrics.while_in_flight(deliveries.len(), self.attempt_all(deliveries)).await;
        self.metrics.observe(started.elapsed());
        let outage = match known_outage {
            None if results.iter().any(AttemptResult::may_be_outage) && !crate::planted!("spend_attempts") => {
                self.probe().await.err()
            }
            known => known,
        };
        let dispositions: Vec<Disposition> = results
            .iter()
            .zip(counts)
            .map(|(result, counts)| decide(result, *counts, &self.settings, outage.as_deref()))
            .collect();
        for (delivery, disposition) in deliveries.iter().zip(&dispositions) {
            self.report(delivery, disposition);
        }
        dispositions
    }

    /// Probes the consumer's dependency. A time-out or a panic counts as an outage.
    pub async fn probe(&self) -> Result<(), String> {
        attempt::guarded(PROBE_LIMIT, self.consumer.dependency())
            .await
            .unwrap_or_else(|fault| Err(format!("asking for the dependency failed: {fault}")))
    }

    /// Tries all deliveries in one call, or one by one if that call fails. Also returns the outage, if one was found
    /// meanwhile.
    async fn attempt_all(&self, deliveries: &[Delivery]) -> (Vec<AttemptResult>, Option<String>) {
        let fault = match self.call(deliveries).await {
            Ok(outcomes) => return (outcomes.into_iter().map(AttemptResult::Answered).collect(), None),
            Err(fault) => fault,
        };
        if let [_] = deliveries {
            return (vec![fault.into_result()], None);
        }
        tracing::warn!(queue = self.settings.queue, messages = deliveries.len(), %fault, "a batch failed; trying one by one");
        let mut outage = if fault.is_time_out() { self.probe().await.err() } else { None };
        let mut all = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let result = if outage.is_some() { AttemptResult::NotTried } else { self.attempt_one(delivery).await };
            // Without this probe a hung dependency would cost the time limit once per message.
            if outage.is_none() && matches!(result, AttemptResult::TimedOut { .. }) {
                outage = self.probe().await.err();
            }
            all.push(result);
        }
        (all, outage)
    }

    async fn attempt_one(&self, delivery: &Delivery) -> AttemptResult {
        match self.call(std::slice::from_ref(delivery)).await {
            Ok(outcomes) => outcomes.into_iter().next().map_or(AttemptResult::NotTried, AttemptResult::Answered),
            Err(fault) => fault.into_result(),
        }
    }

    async fn call(&self, deliveries: &[Delivery]) -> Result<Vec<super::HandlerResult>, attempt::Fault> {
        let span = attempt::span(&self.settings.queue, deliveries);
        let mut traced = TracedBatch::start(self.system, &self.settings.queue, deliveries);
        let handled = async {
            crate::panic_point!(deliveries.iter().map(|delivery| delivery.message.body.as_slice()));
            self.consumer.handle(deliveries).await
        };
        let handled = traced.scope(handled.instrument(span));
        let result = match attempt::guarded(self.settings.time_limit, handled).await {
            Ok(outcomes) if outcomes.len() != deliveries.len() => {
                Err(attempt::Fault::Miscounted { expected: deliveries.len(), answered: outcomes.len() })
            }
            result => result,
        };
        traced.end(result.as_deref());
        result
    }

    /// One line per delivery, never with the body.
    fn report(&self, delivery: &Delivery, disposition: &Disposition) {
        let queue = self.settings.queue.as_str();
        let (event_id, kind) = attempt::identity(delivery);
        let attempt = delivery.attempt;
        self.metrics.count(disposition);
        match disposition {
            Disposition::Ack => tracing::info!(%event_id, event_type = kind, queue, attempt, "message done"),
            Disposition::Skip => tracing::info!(%event_id, event_type = kind, queue, attempt, "message skipped"),
            Disposition::RetryAfter { delay, reason, .. } => {
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(%event_id, event_type = kind, queue, attempt, delay_ms, reason, "message to be tried again");
            }
            Disposition::DeadLetter { reason, .. } => {
                tracing::error!(%event_id, event_type = kind, queue, attempt, reason, "message given up");
            }
            Disposition::Pause { reason } => {
                tracing::warn!(%event_id, event_type = kind, queue, attempt, reason, "message waits for the queue");
            }
        }
    }
}
