//! One queue: its waiting messages, and whether it is paused.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::messaging::disposition::AttemptCounts;
use crate::messaging::runner::Runner;
use crate::messaging::{ConsumerSettings, Delivery};

/// A message in the queue.
pub(super) struct QueuedMessage {
    pub(super) delivery: Delivery,
    pub(super) counts: AttemptCounts,
    /// Dropped without an answer, it reports that the message was not handled.
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The answer of this queue for a message.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    Dead,
    Retry { delay: Duration, counts: AttemptCounts, reason: String },
    Paused { reason: String },
    Full,
}

/// The result of an offer to a queue.
pub(super) enum Offer {
    Taken(oneshot::Receiver<Answer>),
    Refused(Answer),
}

pub(super) struct Queue {
    runner: Runner,
    entry: mpsc::Sender<QueuedMessage>,
    /// Shared by the workers, of which one fills its batch at a time.
    exit: AsyncMutex<mpsc::Receiver<QueuedMessage>>,
    /// Why the queue is paused, if it is.
    outage: Mutex<Option<String>>,
}

impl Queue {
    pub(super) fn new(runner: Runner) -> Self {
        let (entry, exit) = mpsc::channel(runner.settings().capacity);
        runner.metrics().set_paused(false);
        Self { runner, entry, exit: AsyncMutex::new(exit), outage: Mutex::default() }
    }

    pub(super) fn runner(&self) -> &Runner {
        &self.runner
    }

    pub(super) fn settings(&self) -> &ConsumerSettings {
        self.runner.settings()
    }

    pub(super) fn name(&self) -> &str {
        &self.settings().queue
    }

    pub(super) fn is_bound_to(&self, routing_key: &str) -> bool {
        self.settings().bindings.iter().any(|pattern| pattern.matches(routing_key))
    }

    /// Puts a message in, unless the queue is paused or full.
    pub(super) fn offer(&self, delivery: Delivery, counts: AttemptCounts) -> Offer {
        if let Some(reason) = self.outage() {
            return Offer::Refused(Answer::Paused { reason });
        }
        let (answer, receiver) = oneshot::channel();
        if let Err(TrySendError::Full(_)) = self.entry.try_send(QueuedMessage { delivery, counts, answer }) {
            self.runner.metrics().count_as("full");
            return Offer::Refused(Answer::Full);
        }
        // A closed queue has dropped the message, and with it the answer: the receiver then returns an error.
        Offer::Taken(receiver)
    }

    /// Adds waiting messages to `batch`, up to its size. False when the queue is closed. The messages in `batch` stay there if
    /// the future is dropped.
    pub(super) async fn fill_batch(&self, batch: &mut Vec<QueuedMessage>) -> bool {
        let (limit, linger) = (self.settings().batch_size, self.settings().linger);
        let mut exit = self.exit.lock().await;
        if exit.recv_many(batch, limit).await == 0 {
            return false;
        }
        let deadline = Instant::now() + linger;
        while batch.len() < limit && !linger.is_zero() {
            let more = exit.recv_many(batch, limit.saturating_sub(batch.len()));
            if !matches!(tokio::time::timeout_at(deadline, more).await, Ok(1..)) {
                break;
            }
        }
        true
    }

    /// Takes no more messages and returns the waiting ones to their senders, unanswered.
    pub(super) fn close(&self) {
        // If a worker holds the lock, it is about to do the same.
        if let Ok(mut exit) = self.exit.try_lock() {
            exit.close();
            while exit.try_recv().is_ok() {}
        }
    }

    /// Why the queue is paused, if it is.
    pub(super) fn outage(&self) -> Option<String> {
        self.outage_slot().clone()
    }

    /// Pauses the queue. False if it was paused already.
    pub(super) fn pause(&self, reason: &str) -> bool {
        let mut outage = self.outage_slot();
        let is_new = outage.is_none();
        *outage = Some(reason.to_owned());
        self.runner.metrics().set_paused(true);
        is_new
    }

    pub(super) fn resume(&self) {
        *self.outage_slot() = None;
        self.runner.metrics().set_paused(false);
    }

    fn outage_slot(&self) -> MutexGuard<'_, Option<String>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
