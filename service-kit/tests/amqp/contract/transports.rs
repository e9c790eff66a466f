//! The two transports, each with the part of the sender that it needs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    Consumer, ConsumerSettings, DeadLetter, DeadLetters as _, Destination, InProcessBroker, Outgoing, Progress,
    PublishResult, Publisher, SubscribeError,
};
use service_kit::task;
use service_kit::telemetry::Metrics;
use shared_events::{Pattern, WireMessage};
use test_support::dead_letters::MemoryDeadLetters;

use crate::support::{BrokerFixture, brisk, metric};

#[async_trait(?Send)]
pub(super) trait Transport {
    fn subscribe(&self, settings: ConsumerSettings, consumer: Arc<dyn Consumer>) -> Result<(), SubscribeError>;
    /// Returns when every subscription is being served.
    async fn ready(&self);
    /// Sends as the relay does: repeatedly, until accepted.
    async fn send_to(&self, destination: Destination, message: &WireMessage);
    async fn dead_letters(&self, queue: &str) -> Vec<DeadLetter>;
    fn metrics(&self) -> &Metrics;
    async fn drain(&self, deadline: Duration) -> bool;
    /// A queue's name in this test.
    fn name(&self, queue: &str) -> String;

    async fn send(&self, message: &WireMessage) {
        self.send_to(Destination::Exchange, message).await;
    }

    fn bound(&self, queue: &str, pattern: &str) -> ConsumerSettings {
        brisk(ConsumerSettings::new(&self.name(queue), vec![Pattern::new(pattern)]))
    }

    /// A queue bound to every event, with short delays.
    fn queue(&self, queue: &str) -> ConsumerSettings {
        self.bound(queue, "#")
    }

    fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        metric(self.metrics(), name, labels)
    }
}

pub(super) struct InProcess {
    broker: InProcessBroker,
    dead_letters: Arc<MemoryDeadLetters>,
    metrics: Arc<Metrics>,
}

impl InProcess {
    pub(super) fn new() -> Self {
        let (dead_letters, metrics) = (Arc::new(MemoryDeadLetters::new()), Metrics::new());
        let broker = InProcessBroker::new(
            Arc::clone(&dead_letters) as Arc<dyn service_kit::messaging::DeadLetters>,
            Arc::clone(&metrics),
            Shutdown::new(),
        );
        Self { broker, dead_letters, metrics }
    }
}

/// A relay for one message.
async fn relay(publisher: impl Publisher, message: WireMessage, destination: Destination) {
    let mut progress = Progress::default();
    let mut resumed = publisher.resumed();
    loop {
        let outgoing =
            Outgoing { message: message.clone(), destination: destination.clone(), progress: progress.clone() };
        match publisher.publish(outgoing).await {
            PublishResult::Accepted => return,
            PublishResult::Later { after, progress: next, .. } => {
                progress = next;
                tokio::select! {
                    () = tokio::time::sleep(after) => {}
                    _ = resumed.recv() => {}
                }
            }
            PublishResult::Unavailable { .. } | PublishResult::Unrouted { .. } => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[async_trait(?Send)]
impl Transport for InProcess {
    fn subscribe(&self, settings: ConsumerSettings, consumer: Arc<dyn Consumer>) -> Result<(), SubscribeError> {
        self.broker.subscribe(settings, consumer)
    }

    async fn ready(&self) {}

    async fn send_to(&self, destination: Destination, message: &WireMessage) {
        drop(task::spawn("relay", relay(self.broker.clone(), message.clone(), destination)));
    }

    async fn dead_letters(&self, queue: &str) -> Vec<DeadLetter> {
        self.dead_letters.list(&self.name(queue), None, 100).await.unwrap()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn drain(&self, deadline: Duration) -> bool {
        self.broker.drain(deadline).await
    }

    fn name(&self, queue: &str) -> String {
        queue.to_owned()
    }
}

pub(super) struct OverAmqp(BrokerFixture);

impl OverAmqp {
    pub(super) async fn new() -> Self {
        Self(BrokerFixture::new().await)
    }
}

#[async_trait(?Send)]
impl Transport for OverAmqp {
    fn subscribe(&self, settings: ConsumerSettings, consumer: Arc<dyn Consumer>) -> Result<(), SubscribeError> {
        self.0.consumers.subscribe(settings, consumer)
    }

    async fn ready(&self) {
        self.0.ready().await;
    }

    async fn send_to(&self, destination: Destination, message: &WireMessage) {
        relay(self.0.publisher.clone(), message.clone(), destination).await;
    }

    async fn dead_letters(&self, queue: &str) -> Vec<DeadLetter> {
        self.0.dead_letters(&[]).list(&self.name(queue), None, 100).await.unwrap()
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    async fn drain(&self, deadline: Duration) -> bool {
        self.0.consumers.drain(deadline).await
    }

    fn name(&self, queue: &str) -> String {
        self.0.name(queue)
    }
}
