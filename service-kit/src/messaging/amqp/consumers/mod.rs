//! Runs consumers on the broker's queues, each over its own connection, which is renewed when it fails.
//!
//! A delivery stays unacknowledged until its outcome is settled: a finished one is acknowledged; one to be retried or given up
//! is first copied to its retry queue or dead-letter queue, and the copy confirmed. If the connection is lost, running
//! handlers finish before the queue is consumed again, so a redelivery never meets its own first attempt here. A pause stops
//! consuming; deliveries in flight are held, and put back unchanged after `hold_limit`. No delivery is ever rejected or
//! requeued explicitly, which would have no delay.

mod acks;
mod delivery_stream;
mod in_flight;
mod pause;
mod session;
mod settle;
mod state;
mod worker;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::in_flight::InFlightTracker;
use super::connection::Backoff;
use crate::ids;
use crate::lifecycle::Shutdown;
use crate::messaging::in_process::check;
use crate::messaging::runner::Runner;
use crate::messaging::{AmqpSettings, Consumer, ConsumerSettings, InFlightReport, SubscribeError};
use crate::task;
use crate::telemetry::Metrics;
use crate::telemetry::trace::MessagingSystem;

/// A queue, its consumer, and the state that its successive connections share.
struct Subscription {
    amqp: AmqpSettings,
    runner: Runner,
    shutdown: Shutdown,
    draining: CancellationToken,
    connected: IntGauge,
    in_flight: Arc<InFlightTracker>,
    /// Why the broker is unavailable; `None` while connected.
    disconnected: Mutex<Option<String>>,
}

impl Subscription {
    fn settings(&self) -> &ConsumerSettings {
        self.runner.settings()
    }

    fn queue(&self) -> &str {
        &self.settings().queue
    }

    async fn closed(&self) {
        tokio::select! {
            () = self.draining.cancelled() => {}
            () = self.shutdown.wait() => {}
        }
    }

    fn set_disconnected(&self, reason: Option<String>) {
        self.connected.set(i64::from(reason.is_none()));
        *self.disconnected.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// Consumers on one broker. Clones share them.
#[derive(Clone)]
pub struct AmqpConsumers {
    settings: AmqpSettings,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    draining: CancellationToken,
    queues: Arc<Mutex<BTreeMap<String, Arc<Subscription>>>>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
    replica: uuid::Uuid,
}

impl AmqpConsumers {
    pub fn new(settings: AmqpSettings, metrics: Arc<Metrics>, shutdown: Shutdown) -> Self {
        Self {
            settings,
            metrics,
            shutdown,
            draining: CancellationToken::new(),
            queues: Arc::default(),
            tasks: Arc::default(),
            replica: ids::new_uuid(),
        }
    }

    /// Starts consuming a queue, declaring it if it is missing; does not wait for the broker. Must be called within a runtime.
    /// `capacity` is not used: messages wait in the broker.
    pub fn subscribe(&self, settings: ConsumerSettings, consumer: Arc<dyn Consumer>) -> Result<(), SubscribeError> {
        check(&settings)?;
        let name = settings.queue.clone();
        let connected = self.metrics.gauge("bank_broker_connected", "1 while connected to the broker", &["user"]);
        let subscription = Arc::new(Subscription {
            amqp: self.settings.clone(),
            runner: Runner::new(settings, consumer, &self.metrics, MessagingSystem::RabbitMq),
            shutdown: self.shutdown.clone(),
            draining: self.draining.clone(),
            connected: connected.with_label_values(&[&name]),
            in_flight: Arc::default(),
            disconnected: Mutex::new(Some("the broker was not reached yet".to_owned())),
        });
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Vacant(place) = queues.entry(name.clone()) else {
            return Err(SubscribeError::Taken { queue: name });
        };
        place.insert(Arc::clone(&subscription));
        let supervisor = task::spawn("amqp-consumer", supervise(subscription));
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(supervisor);
        Ok(())
    }

    /// Whether all queues are being consumed, for readiness; a paused one counts as consumed.
    pub fn state(&self) -> Result<(), String> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let disconnected = queues.values().find_map(|queue| {
            let reason = queue.disconnected.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            Some(format!("{}: {reason}", queue.queue()))
        });
        disconnected.map_or(Ok(()), Err)
    }

    /// The report of a queue's deliveries in flight here; none if these consumers do not consume it.
    pub fn in_flight_report(&self, queue: &str) -> Option<InFlightReport> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let subscription = queues.get(queue)?;
        let is_disconnected = subscription.disconnected.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        Some(InFlightReport {
            replica: self.replica.to_string(),
            consumers: u32::from(!is_disconnected),
            quiet_moments: subscription.in_flight.quiet_moments(),
        })
    }

    /// Takes no more messages, lets running handlers finish and acknowledges their results; stops handlers that miss the
    /// deadline, whose messages the broker keeps. True if none had to be stopped.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.draining.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let stops: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        let finished = tokio::time::timeout(deadline, futures_util::future::join_all(tasks)).await.is_ok();
        for stop in stops {
            stop.abort();
        }
        if !finished {
            tracing::warn!(deadline_ms = deadline.as_millis(), "handlers were stopped at the deadline");
        }
        finished
    }
}

/// Consumes over one connection after the other, until the shutdown.
async fn supervise(subscription: Arc<Subscription>) {
    let mut backoff = Backoff::default();
    while let Err(error) = session::run(&subscription, &mut backoff).await {
        subscription.set_disconnected(Some(error.to_string()));
        let delay = backoff.next();
        tracing::warn!(queue = subscription.queue(), %error, delay_ms = delay.as_millis(), "the consumer has no broker");
        tokio::select! {
            () = subscription.closed() => break,
            () = tokio::time::sleep(delay) => {}
        }
    }
    subscription.set_disconnected(Some("closed".to_owned()));
}
