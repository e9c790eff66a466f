//! A broker with a manual clock, a consumer that follows a script, and messages for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use service_kit::clock::ManualClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    Consumer, ConsumerSettings, DeadLetters, Delivery, Destination, HandlerResult, InProcessBroker, Outgoing, Progress,
    PublishResult, Publisher as _, QueueProgress,
};
use service_kit::telemetry::Metrics;
use shared_events::events::UserCreated;
use shared_events::{Envelope, Event as _, EventId, Pattern, WireMessage};
use test_support::dead_letters::MemoryDeadLetters;
use tokio::sync::Notify;

/// The scripted reaction of the consumer to a message.
#[derive(Clone)]
pub(crate) enum Act {
    Answer(HandlerResult),
    Panic,
    Hang,
    /// Wait for `Scripted::release`, then be done.
    Wait,
    /// Answer nothing at all.
    Forget,
}

type Script = Box<dyn Fn(&Delivery) -> Act + Send + Sync>;

pub(crate) struct Scripted {
    script: Script,
    pub(crate) calls: Mutex<Vec<Vec<(EventId, u32)>>>,
    pub(crate) is_down: AtomicBool,
    pub(crate) probes: AtomicUsize,
    pub(crate) release: Notify,
    running: AtomicUsize,
    pub(crate) most_running: AtomicUsize,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Delivery) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            calls: Mutex::default(),
            is_down: AtomicBool::new(false),
            probes: AtomicUsize::new(0),
            release: Notify::new(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        })
    }

    pub(crate) fn always(outcome: HandlerResult) -> Arc<Self> {
        Self::new(move |_| Act::Answer(outcome.clone()))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How often a message reached the handler.
    pub(crate) fn seen(&self, id: EventId) -> usize {
        self.calls.lock().unwrap().iter().flatten().filter(|(seen, _)| *seen == id).count()
    }

    async fn act(&self, delivery: &Delivery) -> Option<HandlerResult> {
        match (self.script)(delivery) {
            Act::Answer(outcome) => Some(outcome),
            Act::Panic => panic!("poison"),
            Act::Hang => std::future::pending().await,
            Act::Wait => {
                self.release.notified().await;
                Some(HandlerResult::Done)
            }
            Act::Forget => None,
        }
    }
}

#[async_trait]
impl Consumer for Scripted {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        let ids = deliveries.iter().map(|delivery| (delivery.message.event_id().unwrap(), delivery.attempt));
        self.calls.lock().unwrap().push(ids.collect());
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        let mut outcomes = Vec::new();
        for delivery in deliveries {
            outcomes.extend(self.act(delivery).await);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        outcomes
    }

    async fn dependency(&self) -> Result<(), String> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) { Err("connection refused".to_owned()) } else { Ok(()) }
    }
}

pub(crate) struct TestBroker {
    pub(crate) broker: InProcessBroker,
    pub(crate) dead_letters: Arc<MemoryDeadLetters>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shutdown: Shutdown,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_737_047_426, 0).unwrap()
}

impl TestBroker {
    pub(crate) fn new() -> Self {
        let dead_letters = Arc::new(MemoryDeadLetters::new());
        Self::with_dead_letters(Arc::clone(&dead_letters) as Arc<dyn DeadLetters>, dead_letters)
    }

    pub(crate) fn with_dead_letters(store: Arc<dyn DeadLetters>, dead_letters: Arc<MemoryDeadLetters>) -> Self {
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let clock = Arc::new(ManualClock::new(start()));
        let broker = InProcessBroker::with_clock(
            store,
            Arc::clone(&metrics),
            shutdown.clone(),
            Arc::clone(&clock) as service_kit::clock::SharedClock,
        );
        Self { broker, dead_letters, metrics, shutdown, clock }
    }

    pub(crate) fn subscribe(&self, settings: ConsumerSettings, consumer: &Arc<Scripted>) {
        self.broker.subscribe(settings, Arc::clone(consumer) as Arc<dyn Consumer>).unwrap();
    }

    pub(crate) async fn publish(&self, message: &WireMessage, progress: &Progress) -> PublishResult {
        let (message, progress) = (message.clone(), progress.clone());
        self.broker.publish(Outgoing { message, destination: Destination::Exchange, progress }).await
    }

    pub(crate) async fn publish_new(&self, message: &WireMessage) -> PublishResult {
        self.publish(message, &Progress::default()).await
    }

    /// Publishes repeatedly, waiting by the manual clock for the given delays, until accepted. Returns how often.
    pub(crate) async fn publish_until_accepted(&self, message: &WireMessage) -> usize {
        let mut progress = Progress::default();
        for attempts in 1..=20 {
            match self.publish(message, &progress).await {
                PublishResult::Accepted => return attempts,
                PublishResult::Later { after, progress: next, .. } => {
                    self.clock.advance(after);
                    progress = next;
                }
                PublishResult::Unrouted { reason, .. } | PublishResult::Unavailable { reason } => panic!("{reason}"),
            }
        }
        panic!("not accepted after 20 tries");
    }

    /// A number from the metrics, as Prometheus would scrape it; 0 if it is not there.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let text = self.metrics.render();
        let named = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let line = text.lines().find(|line| named(line) && labels.iter().all(|l| line.contains(l)));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

/// A queue bound to every event.
pub(crate) fn queue(name: &str) -> ConsumerSettings {
    ConsumerSettings::new(name, vec![Pattern::new("#")])
}

pub(crate) fn message(number: u128) -> WireMessage {
    let envelope = Envelope::new(id(number), "urn:test", None, start(), &UserCreated::example()).unwrap();
    WireMessage::encode(&envelope).unwrap()
}

pub(crate) fn id(number: u128) -> EventId {
    EventId(uuid::Uuid::from_u128(number))
}

pub(crate) fn pending(result: &PublishResult, queue: &str) -> (u32, u32) {
    match result {
        PublishResult::Later { progress, .. } => match progress.get(queue) {
            Some(QueueProgress::Pending { attempts, panics, .. }) => (*attempts, *panics),
            other => panic!("{queue} is not pending but {other:?}"),
        },
        other => panic!("not later but {other:?}"),
    }
}
