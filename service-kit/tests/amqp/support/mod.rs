//! A publisher and consumers on the real broker, with names of their own, so that tests do not meet.

mod proxy;
mod server;

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use service_kit::clock::SystemClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    AmqpConsumers, AmqpDeadLetters, AmqpPublisher, AmqpSettings, Consumer, ConsumerSettings, Destination, Outgoing,
    Progress, PublishResult, Publisher as _,
};
use service_kit::telemetry::Metrics;
use shared_events::{Pattern, WireMessage};

use test_support::eventually;
use tracing_subscriber::EnvFilter;

pub(crate) use proxy::Proxy;
pub(crate) use server::{PrivateBroker, broker_uri, rabbitmqctl, variable};

use crate::scripted::Scripted;

/// Everything of one test, on an exchange of its own.
pub(crate) struct BrokerFixture {
    pub(crate) settings: AmqpSettings,
    pub(crate) publisher: AmqpPublisher,
    pub(crate) consumers: AmqpConsumers,
    pub(crate) metrics: Arc<Metrics>,
    /// Distinguishes this test's names.
    pub(crate) tag: String,
}

impl BrokerFixture {
    pub(crate) async fn new() -> Self {
        Self::at(&broker_uri(), |_| {}).await
    }

    /// Connects to a broker with changed settings; waits until the publisher is connected.
    pub(crate) async fn at(uri: &str, change: impl FnOnce(&mut AmqpSettings)) -> Self {
        // RUST_LOG=… shows the log of a test.
        let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_test_writer();
        log.try_init().ok();
        let tag = service_kit::ids::new_uuid().simple().to_string();
        let mut settings = AmqpSettings::parse(uri, &format!("x.{tag}")).unwrap();
        change(&mut settings);
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let publisher = AmqpPublisher::start(settings.clone(), &metrics, shutdown.clone());
        let consumers = AmqpConsumers::new(settings.clone(), Arc::clone(&metrics), shutdown);
        let fixture = Self { settings, publisher, consumers, metrics, tag };
        eventually("the publisher is connected", async || fixture.publisher.state().is_ok()).await;
        fixture
    }

    /// The name of a queue of this test.
    pub(crate) fn name(&self, queue: &str) -> String {
        format!("{queue}.{}", self.tag)
    }

    /// A queue bound to every event, with short delays.
    pub(crate) fn queue(&self, queue: &str) -> ConsumerSettings {
        brisk(ConsumerSettings::new(&self.name(queue), vec![Pattern::new("#")]))
    }

    /// Subscribes and waits until the broker delivers.
    pub(crate) async fn subscribe(&self, settings: ConsumerSettings, consumer: &Arc<Scripted>) {
        self.consumers.subscribe(settings, Arc::clone(consumer) as Arc<dyn Consumer>).unwrap();
        self.ready().await;
    }

    pub(crate) async fn ready(&self) {
        eventually("all queues are consumed", async || self.consumers.state().is_ok()).await;
        eventually("the publisher is connected", async || self.publisher.state().is_ok()).await;
    }

    pub(crate) async fn publish(&self, message: &WireMessage) -> PublishResult {
        self.publish_to(Destination::Exchange, message).await
    }

    pub(crate) async fn publish_to(&self, destination: Destination, message: &WireMessage) -> PublishResult {
        self.publisher.publish(Outgoing { message: message.clone(), destination, progress: Progress::default() }).await
    }

    /// Publishes as the relay does: until accepted.
    pub(crate) async fn publish_until_accepted(&self, message: &WireMessage) {
        eventually("it is accepted", async || self.publish(message).await == PublishResult::Accepted).await;
    }

    pub(crate) fn dead_letters(&self, queues: &[&str]) -> AmqpDeadLetters {
        let queues = queues.iter().map(|queue| self.name(queue)).collect();
        AmqpDeadLetters::new(self.settings.clone(), queues, Arc::new(SystemClock))
    }

    /// A channel of the test's own.
    pub(crate) async fn channel(&self, uri: &str) -> (Connection, Channel) {
        let connection = Connection::connect(uri, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    /// How many messages wait in a queue.
    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        let (_connection, channel) = self.channel(&broker_uri()).await;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap().message_count()
    }

    /// Takes one message out of a queue.
    pub(crate) async fn take(&self, queue: &str) -> Option<lapin::message::BasicGetMessage> {
        let (_connection, channel) = self.channel(&broker_uri()).await;
        channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap()
    }

    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        metric(&self.metrics, name, labels)
    }
}

/// A number from the metrics, as Prometheus would scrape it; 0 if it is not there.
pub(crate) fn metric(metrics: &Metrics, name: &str, labels: &[&str]) -> u64 {
    let text = metrics.render();
    let named = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let line = text.lines().find(|line| named(line) && labels.iter().all(|label| line.contains(label)));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Delays that are short enough for a test.
pub(crate) fn brisk(settings: ConsumerSettings) -> ConsumerSettings {
    ConsumerSettings { retry_delays: [100, 200, 300, 400].map(Duration::from_millis).to_vec(), ..settings }
}
