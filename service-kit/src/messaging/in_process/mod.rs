//! The transport of a system that runs in one process: routes, queues and workers in memory.
//!
//! Nothing here is durable, and nothing has to be: the sender keeps the message (in the outbox) until the result is
//! `Accepted`, which comes only when every queue has finished with it. A message that has to wait, for its next attempt or for
//! the end of an outage, waits at the sender, so memory holds at most `capacity` messages per queue.
//!
//! A full queue, an outage and a shutdown are answered at once, never by waiting. A message that no queue is bound to is
//! accepted and counted: the system is closed, so no queue for it can appear later. An expired message is accepted and
//! counted, too.

mod queue;
mod settlement;
mod worker;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use prometheus::IntCounterVec;
use shared_events::WireMessage;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::queue::{Offer, Queue};
use self::settlement::Settlement;
use super::metrics;
use super::runner::Runner;
use super::traced::published;
use super::{
    Consumer, ConsumerSettings, DeadLetters, Delivery, Destination, Outgoing, PublishResult, Publisher, QueueProgress,
};
use crate::clock::{SharedClock, SystemClock};
use crate::lifecycle::Shutdown;
use crate::task;
use crate::telemetry::Metrics;
use crate::telemetry::trace::MessagingSystem;

/// The time after which a message that no queue takes is published again, as over a broker.
const UNROUTED_DELAY: Duration = Duration::from_secs(30);
/// More resumptions than this between two reads make a receiver lag, which it must take as "all queues resumed".
const RESUMED_CAPACITY: usize = 64;
/// The queue label of messages that reach no queue.
const NO_QUEUE: &str = "none";

/// Why a queue cannot be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    #[error("the queue {queue:?} has a consumer already")]
    Taken { queue: String },
    #[error("the settings of the queue {queue:?} need at least 1 for {setting}")]
    Zero { queue: String, setting: &'static str },
}

/// State that the workers share with the broker.
struct Context {
    dead_letters: Arc<dyn DeadLetters>,
    clock: SharedClock,
    shutdown: Shutdown,
    draining: CancellationToken,
    resumed: broadcast::Sender<String>,
}

impl Context {
    async fn closed(&self) {
        tokio::select! {
            () = self.draining.cancelled() => {}
            () = self.shutdown.wait() => {}
        }
    }

    fn is_closed(&self) -> bool {
        self.draining.is_cancelled() || self.shutdown.begun()
    }
}

/// The broker. Clones share it.
#[derive(Clone)]
pub struct InProcessBroker {
    context: Arc<Context>,
    metrics: Arc<Metrics>,
    messages: IntCounterVec,
    queues: Arc<RwLock<BTreeMap<String, Arc<Queue>>>>,
    workers: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl InProcessBroker {
    pub fn new(dead_letters: Arc<dyn DeadLetters>, metrics: Arc<Metrics>, shutdown: Shutdown) -> Self {
        Self::with_clock(dead_letters, metrics, shutdown, Arc::new(SystemClock))
    }

    /// The same with the caller's own clock, which must be the one that the sender waits by.
    pub fn with_clock(
        dead_letters: Arc<dyn DeadLetters>,
        metrics: Arc<Metrics>,
        shutdown: Shutdown,
        clock: SharedClock,
    ) -> Self {
        let (resumed, _) = broadcast::channel(RESUMED_CAPACITY);
        let context = Context { dead_letters, clock, shutdown, draining: CancellationToken::new(), resumed };
        Self {
            context: Arc::new(context),
            messages: metrics::messages(&metrics),
            metrics,
            queues: Arc::default(),
            workers: Arc::default(),
        }
    }

    /// Makes a queue, binds it and starts its workers. Must be called within a runtime, which the handlers then run on.
    pub fn subscribe(&self, settings: ConsumerSettings, consumer: Arc<dyn Consumer>) -> Result<(), SubscribeError> {
        check(&settings)?;
        let name = settings.queue.clone();
        let queue = {
            let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
            let Entry::Vacant(place) = queues.entry(name.clone()) else {
                return Err(SubscribeError::Taken { queue: name });
            };
            let runner = Runner::new(settings, consumer, &self.metrics, MessagingSystem::InProcess);
            Arc::clone(place.insert(Arc::new(Queue::new(runner))))
        };
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..queue.settings().concurrency {
            let work = worker::work(Arc::clone(&queue), Arc::clone(&self.context));
            workers.push(task::spawn("queue-worker", work));
        }
        Ok(())
    }

    /// Takes no more messages, lets running handlers finish, and stops those that miss the deadline; their messages are
    /// published again after the next start. True if none had to be stopped.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.context.draining.cancel();
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        let stops: Vec<_> = workers.iter().map(JoinHandle::abort_handle).collect();
        let finished = tokio::time::timeout(deadline, futures_util::future::join_all(workers)).await.is_ok();
        for stop in stops {
            stop.abort();
        }
        for queue in self.all_queues() {
            queue.close();
        }
        if !finished {
            tracing::warn!(deadline_ms = deadline.as_millis(), "handlers were stopped at the deadline");
        }
        finished
    }

    fn all_queues(&self) -> Vec<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The queues that a message goes to; none if the named queue does not exist.
    fn route(&self, outgoing: &Outgoing) -> Option<Vec<Arc<Queue>>> {
        match &outgoing.destination {
            Destination::Queue(name) => self.queue(name).map(|queue| vec![queue]),
            Destination::Exchange => {
                let mut queues = self.all_queues();
                queues.retain(|queue| queue.is_bound_to(&outgoing.message.routing_key));
                Some(queues)
            }
        }
    }
}

#[async_trait]
impl Publisher for InProcessBroker {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        if self.context.is_closed() {
            return PublishResult::Unavailable { reason: "the process is shutting down".to_owned() };
        }
        let Some(queues) = self.route(&outgoing) else {
            return PublishResult::Unavailable { reason: format!("no such queue: {:?}", outgoing.destination) };
        };
        let now = self.context.clock.now();
        if queues.is_empty() {
            self.messages.with_label_values(&[NO_QUEUE, "unroutable"]).inc();
            let reason = format!("no queue takes {:?}", outgoing.message.routing_key);
            return PublishResult::Unrouted { after: UNROUTED_DELAY, reason };
        }
        if outgoing.message.expires_at().is_some_and(|end| end <= now) {
            self.messages.with_label_values(&[NO_QUEUE, "expired"]).inc();
            return PublishResult::Accepted;
        }
        let Outgoing { message, progress, .. } = outgoing;
        let name = message.routing_key.clone();
        let publish = move |message: WireMessage| async move {
            deliver(&message, &queues, Settlement::new(progress, now)).await.into_result()
        };
        published(MessagingSystem::InProcess, &name, message, publish).await
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.context.resumed.subscribe()
    }

    fn is_paused(&self, queue: &str) -> bool {
        self.queue(queue).is_some_and(|queue| queue.outage().is_some())
    }
}

/// Offers the message to every unfinished queue that is due, and waits for all answers.
async fn deliver(message: &WireMessage, queues: &[Arc<Queue>], mut settlement: Settlement) -> Settlement {
    let mut waiting = Vec::with_capacity(queues.len());
    for queue in queues {
        let known = settlement.progress().get(queue.name());
        let counts = known.map(QueueProgress::counts).unwrap_or_default();
        match known {
            Some(QueueProgress::Done | QueueProgress::Dead) => continue,
            Some(&QueueProgress::Pending { due: Some(due), .. }) if due > settlement.now() => {
                settlement.wait_until(queue.name(), due);
                continue;
            }
            _ => {}
        }
        let redelivered = known.is_some();
        let delivery = Delivery { message: message.clone(), attempt: counts.attempts.saturating_add(1), redelivered };
        match queue.offer(delivery, counts) {
            Offer::Taken(answer) => waiting.push(async move { (queue, counts, answer.await.ok()) }),
            Offer::Refused(answer) => settlement.add(queue.name(), counts, Some(answer)),
        }
    }
    for (queue, counts, answer) in futures_util::future::join_all(waiting).await {
        settlement.add(queue.name(), counts, answer);
    }
    settlement
}

pub(super) fn check(settings: &ConsumerSettings) -> Result<(), SubscribeError> {
    let zero = [
        ("concurrency", settings.concurrency == 0),
        ("batch_size", settings.batch_size == 0),
        ("capacity", settings.capacity == 0),
        ("max_attempts", settings.max_attempts == 0),
        ("max_panics", settings.max_panics == 0),
    ];
    match zero.into_iter().find(|(_, is_zero)| *is_zero) {
        Some((setting, _)) => Err(SubscribeError::Zero { queue: settings.queue.clone(), setting }),
        None => Ok(()),
    }
}
