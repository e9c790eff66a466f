//! Metrics of queues.

use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge};

use super::Delivery;
use super::disposition::Disposition;
use crate::clock::{Clock, SystemClock};
use crate::telemetry::Metrics;

const MESSAGES_HELP: &str = "Messages by queue and outcome";

/// The metrics of one queue.
#[derive(Clone)]
pub(crate) struct QueueMetrics {
    queue: String,
    messages: IntCounterVec,
    dead_letters: IntCounterVec,
    in_flight: IntGauge,
    paused: IntGauge,
    handle_seconds: Histogram,
    age_seconds: Histogram,
}

impl QueueMetrics {
    pub(crate) fn new(metrics: &Metrics, queue: &str) -> Self {
        let gauge = |name, help| metrics.gauge(name, help, &["queue"]).with_label_values(&[queue]);
        let seconds = metrics.histogram("bank_message_handle_seconds", "Time a handler took for one batch", &["queue"]);
        let age = "Age of an event when its queue first delivers it";
        let ages = metrics.delays("bank_message_age_seconds", age, &["queue"]);
        let dead_letters = metrics.counter("bank_dead_letters_total", "Messages kept as dead letters", &["queue"]);
        // An alert sees the first dead letter of a process only as a step from 0.
        dead_letters.with_label_values(&[queue]);
        Self {
            queue: queue.to_owned(),
            messages: messages(metrics),
            dead_letters,
            in_flight: gauge("bank_messages_in_flight", "Messages in a handler now"),
            paused: gauge("bank_consumer_paused", "1 while the queue is paused by an outage"),
            handle_seconds: seconds.with_label_values(&[queue]),
            age_seconds: ages.with_label_values(&[queue]),
        }
    }

    pub(crate) fn count(&self, disposition: &Disposition) {
        self.count_as(match disposition {
            Disposition::Ack => "done",
            Disposition::Skip => "skipped",
            Disposition::RetryAfter { counts, .. } if counts.postponed > 0 => "postponed",
            Disposition::RetryAfter { .. } => "retry",
            Disposition::DeadLetter { .. } => "dead",
            Disposition::Pause { .. } => "paused",
        });
    }

    pub(crate) fn count_as(&self, outcome: &str) {
        self.messages.with_label_values(&[self.queue.as_str(), outcome]).inc();
    }

    pub(crate) fn dead_letter_kept(&self) {
        self.dead_letters.with_label_values(&[self.queue.as_str()]).inc();
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.set(i64::from(paused));
    }

    pub(crate) fn observe(&self, elapsed: Duration) {
        self.handle_seconds.observe(elapsed.as_secs_f64());
    }

    /// The age of a message on its first attempt: later ones would show the delays between attempts. A message without a
    /// time has no age.
    pub(crate) fn observe_age(&self, delivery: &Delivery) {
        if delivery.attempt == 1
            && let Some(occurred_at) = delivery.message.occurred_at()
        {
            let age = (SystemClock.now() - occurred_at).to_std().unwrap_or_default();
            self.age_seconds.observe(age.as_secs_f64());
        }
    }

    /// Counts the messages as in flight until the work ends or is dropped.
    pub(crate) async fn while_in_flight<T>(&self, messages: usize, work: impl Future<Output = T>) -> T {
        struct Landing<'a>(&'a IntGauge, i64);
        impl Drop for Landing<'_> {
            fn drop(&mut self) {
                self.0.sub(self.1);
            }
        }
        let messages = i64::try_from(messages).unwrap_or(i64::MAX);
        self.in_flight.add(messages);
        let _landing = Landing(&self.in_flight, messages);
        work.await
    }
}

/// Messages by queue and outcome.
pub(crate) fn messages(metrics: &Metrics) -> IntCounterVec {
    metrics.counter("bank_messages_total", MESSAGES_HELP, &["queue", "outcome"])
}
