//! Publishes with confirms, over a connection that is renewed when it fails.
//!
//! Messages wait in a bounded queue for one of four channels, each of which publishes a batch at a time (see
//! [`publish_batch`]); so some channels fill batches while others wait for their confirms, and 256 messages at most are
//! unconfirmed. While the broker is unavailable every publish answers `Unavailable` at once. A message in flight when the
//! connection failed may have been published, and answers the same: the sender publishes it again, and the receiver recognises
//! the second copy. A publish also answers `Unavailable` while a queue is missing that the settings expect.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::Channel;
use prometheus::{IntCounterVec, IntGauge};
use shared_events::WireMessage;
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::connection::{Backoff, BrokerConnection};
use super::error::AmqpError;
use super::expected_queues::ExpectedQueues;
use super::publish_batch::{self, OutboundMessage, PublishOutcome, batch_error};
use super::routes::Routes;
use super::{topology, wire_format};
use crate::lifecycle::Shutdown;
use crate::messaging::traced::published;
use crate::messaging::{AmqpSettings, Destination, Outgoing, PublishResult, Publisher, metrics};
use crate::task;
use crate::telemetry::Metrics;
use crate::telemetry::trace::MessagingSystem;

const CHANNELS: usize = 4;
const BATCH_SIZE: usize = 64;
/// How many messages may wait for a channel.
const WAITING: usize = 1024;
/// Queues that resume between two reads of a receiver; more make it lag, which it takes for all queues.
const RESUMED_CAPACITY: usize = 16;
/// After a message was returned, the expected queues are not checked again before this time.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long to wait for the reason of a loss.
const LOSS_REASON_LIMIT: Duration = Duration::from_secs(1);

struct Request {
    message: OutboundMessage,
    /// A message to this queue; its exchange is found out on the connection.
    queue: Option<String>,
    answer: oneshot::Sender<PublishOutcome>,
}

/// Whether the broker is available; `Err` holds the reason if not.
type State = Result<(), String>;

/// Publishes to one broker. Clones share the connection.
#[derive(Clone)]
pub struct AmqpPublisher {
    inner: Arc<Inner>,
}

struct Inner {
    settings: AmqpSettings,
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    /// Queues that exist again. Pauses are unknown here: the consumers run in other processes.
    resumed: broadcast::Sender<String>,
    /// Notified when the broker has returned a message.
    returned: Arc<Notify>,
    missing: watch::Receiver<Vec<String>>,
    unroutable: prometheus::IntCounter,
    publishes: IntCounterVec,
    supervisor: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl AmqpPublisher {
    /// Starts connecting, and does not wait for it. Must be called within a runtime.
    pub fn start(settings: AmqpSettings, metrics: &Metrics, shutdown: Shutdown) -> Self {
        let (requests, inbox) = mpsc::channel(WAITING);
        let (set_state, state) = watch::channel(Err("the broker was not reached yet".to_owned()));
        let (set_missing, missing) = watch::channel(settings.expected_queues.clone());
        let connected = metrics.gauge("bank_broker_connected", "1 while connected to the broker", &["user"]);
        let (resumed, _) = broadcast::channel(RESUMED_CAPACITY);
        let returned = Arc::new(Notify::new());
        let supervisor = Supervisor {
            settings: settings.clone(),
            resumed: resumed.clone(),
            returned: returned.clone(),
            inbox: Arc::new(Mutex::new(inbox)),
            state: set_state,
            missing: set_missing,
            connected: connected.with_label_values(&["publisher"]),
            shutdown,
        };
        let unroutable = metrics::messages(metrics).with_label_values(&["none", "unroutable"]);
        let answers = "Publishes by the broker's answer";
        let publishes = metrics.counter("bank_broker_publishes_total", answers, &["result"]);
        let supervisor = task::spawn("amqp-publisher", supervisor.run());
        let inner = Inner { settings, requests, state, resumed, returned, missing, unroutable, publishes, supervisor };
        Self { inner: Arc::new(inner) }
    }

    /// Whether the broker is available, for readiness.
    pub fn state(&self) -> Result<(), String> {
        self.inner.state.borrow().clone()
    }

    /// The expected queues that are missing now; all of them before the first check.
    pub fn missing_queues(&self) -> Vec<String> {
        self.inner.missing.borrow().clone()
    }

    /// Passes a message to a channel and waits for its outcome.
    async fn send(&self, message: OutboundMessage, queue: Option<String>) -> Result<PublishOutcome, String> {
        let mut state = self.inner.state.clone();
        (*state.borrow()).clone()?;
        let (answer, outcome) = oneshot::channel();
        let sending = async {
            // Both fail only when the connection is closing, which the state then reports.
            self.inner.requests.send(Request { message, queue, answer }).await.ok()?;
            outcome.await.ok()
        };
        let known = tokio::select! {
            biased;
            known = sending => known,
            _ = state.wait_for(Result::is_err) => None,
        };
        match known {
            Some(outcome) => Ok(outcome),
            None => Err(self.why_lost(&mut state).await),
        }
    }

    /// The channel that had the message is gone; the supervisor is about to set the reason.
    async fn why_lost(&self, state: &mut watch::Receiver<State>) -> String {
        let failed = tokio::time::timeout(LOSS_REASON_LIMIT, state.wait_for(Result::is_err)).await;
        let reason = failed.ok().and_then(Result::ok).and_then(|state| state.clone().err());
        reason.unwrap_or_else(|| "the connection was lost before the confirm".to_owned())
    }

    async fn publish_once(&self, message: WireMessage, destination: Destination) -> PublishResult {
        let (outbound, target) = address(&self.inner.settings, message, destination);
        let queue = match &target {
            Target::Queue(queue) => Some(queue.clone()),
            Target::Key(_) => None,
        };
        let sent = self.send(outbound, queue).await;
        self.inner.publishes.with_label_values(&[label_of(&sent)]).inc();
        match sent {
            Ok(outcome) => self.result_of(outcome, &target),
            Err(reason) => PublishResult::Unavailable { reason },
        }
    }

    fn result_of(&self, outcome: PublishOutcome, target: &Target) -> PublishResult {
        match (outcome, target) {
            (PublishOutcome::Confirmed, _) => PublishResult::Accepted,
            (PublishOutcome::Unroutable, Target::Queue(queue)) => {
                PublishResult::Unavailable { reason: format!("there is no queue {queue:?}, or not for this user") }
            }
            (PublishOutcome::Unroutable, Target::Key(key)) => {
                self.inner.unroutable.inc();
                let exchange = &self.inner.settings.exchange;
                let reason = format!("no queue is bound to {exchange:?} for the routing key {key:?}");
                self.inner.returned.notify_one();
                PublishResult::Unrouted { after: self.inner.settings.unroutable_delay, reason }
            }
            // As during an outage: a sender that waits and retries keeps the order of its messages.
            (PublishOutcome::Refused, _) => {
                PublishResult::Unavailable { reason: "the broker declined; a queue may be full".to_owned() }
            }
        }
    }
}

/// The destination of a message, for its result.
enum Target {
    Key(String),
    Queue(String),
}

#[async_trait]
impl Publisher for AmqpPublisher {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        // Without a broker this is no attempt, and has no span.
        if let Err(reason) = self.state() {
            self.inner.publishes.with_label_values(&[UNAVAILABLE]).inc();
            return PublishResult::Unavailable { reason };
        }
        let Outgoing { message, destination, .. } = outgoing;
        let name = match &destination {
            Destination::Exchange => format!("{}:{}", self.inner.settings.exchange, message.routing_key),
            Destination::Queue(queue) => queue.clone(),
        };
        let publish = |message| self.publish_once(message, destination);
        published(MessagingSystem::RabbitMq, &name, message, publish).await
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.inner.resumed.subscribe()
    }
}

const UNAVAILABLE: &str = "unavailable";

/// The result of a publish, for its counter.
fn label_of(sent: &Result<PublishOutcome, String>) -> &'static str {
    match sent {
        Ok(PublishOutcome::Confirmed) => "confirmed",
        Ok(PublishOutcome::Unroutable) => "returned",
        Ok(PublishOutcome::Refused) => "refused",
        Err(_) => UNAVAILABLE,
    }
}

fn address(settings: &AmqpSettings, message: WireMessage, destination: Destination) -> (OutboundMessage, Target) {
    match destination {
        Destination::Exchange => {
            let target = Target::Key(message.routing_key.clone());
            (wire_format::to_exchange(&settings.exchange, message), target)
        }
        Destination::Queue(queue) => {
            let unknown = topology::short("");
            (
                wire_format::to_queue(&unknown, &queue, message, &wire_format::RetryHeaders::default()),
                Target::Queue(queue),
            )
        }
    }
}

/// Keeps a connection with its channels.
struct Supervisor {
    settings: AmqpSettings,
    inbox: Arc<Mutex<mpsc::Receiver<Request>>>,
    state: watch::Sender<State>,
    missing: watch::Sender<Vec<String>>,
    resumed: broadcast::Sender<String>,
    returned: Arc<Notify>,
    connected: IntGauge,
    shutdown: Shutdown,
}

impl Supervisor {
    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let error = tokio::select! {
                () = self.shutdown.wait() => break,
                error = self.connect_and_publish(&mut backoff) => error,
            };
            self.set_state(Err(error.to_string()));
            // The dropped answers fail the requests that wait for a channel.
            while self.inbox.lock().await.try_recv().is_ok() {}
            let delay = backoff.next();
            tracing::warn!(%error, delay_ms = delay.as_millis(), "the publisher has no broker");
            tokio::time::sleep(delay).await;
        }
        self.set_state(Err("the process is shutting down".to_owned()));
    }

    /// Returns only with the error that ended the connection.
    async fn connect_and_publish(&self, backoff: &mut Backoff) -> AmqpError {
        let (connection, channels) = match self.connect().await {
            Ok(connected) => connected,
            Err(error) => return error,
        };
        tracing::info!(endpoint = self.settings.endpoint(), "the publisher is connected");
        backoff.reset();
        self.set_state(Ok(()));
        let routes = Routes::default();
        let publishing = channels.iter().map(|channel| Box::pin(self.run_channel(channel, &connection, &routes)));
        tokio::select! {
            (error, ..) = futures_util::future::select_all(publishing) => error,
            () = connection.closed() => connection.loss("publishing"),
            error = self.watch_queues(&connection) => error,
        }
    }

    async fn connect(&self) -> Result<(BrokerConnection, Vec<Channel>), AmqpError> {
        let connection = BrokerConnection::open(&self.settings, "publisher").await?;
        topology::declare_exchange(&connection).await?;
        self.await_queues(&connection).await?;
        let mut channels = Vec::with_capacity(CHANNELS);
        for _ in 0..CHANNELS {
            channels.push(connection.confirmed_channel().await?);
        }
        Ok((connection, channels))
    }

    /// Returns when every expected queue exists, however long that takes. Reports each change.
    async fn await_queues(&self, connection: &BrokerConnection) -> Result<(), AmqpError> {
        let mut expected = ExpectedQueues::new(&self.settings.expected_queues);
        let mut reported = None;
        loop {
            let missing = expected.check(connection).await?.to_vec();
            self.missing.send_replace(missing.clone());
            let queues = missing.join(", ");
            if queues.is_empty() {
                if reported.is_some() {
                    tracing::info!("all expected queues are there");
                    for queue in expected.were_missing() {
                        // Without a receiver no sender waits for a queue.
                        drop(self.resumed.send(queue.to_owned()));
                    }
                }
                return Ok(());
            }
            if reported.as_ref() != Some(&queues) {
                tracing::warn!(queues, "nothing is published before these queues are there (EXPECTED_QUEUES)");
                drop(self.state.send_replace(Err(format!("waiting for the queues {queues}"))));
                reported = Some(queues);
            }
            ExpectedQueues::pause().await;
        }
    }

    /// A returned message may mean that an expected queue is gone: then nothing is published until the queue exists again.
    /// Returns only with the error that reports it.
    async fn watch_queues(&self, connection: &BrokerConnection) -> AmqpError {
        loop {
            self.returned.notified().await;
            let mut expected = ExpectedQueues::new(&self.settings.expected_queues);
            match expected.check(connection).await {
                Ok([]) => {}
                Ok(missing) => {
                    let reason = format!("the queues {} are gone", missing.join(", "));
                    return AmqpError::lost(&self.settings, "publishing", reason);
                }
                Err(error) => return error,
            }
            tokio::time::sleep(CHECK_AGAIN_AFTER).await;
        }
    }

    async fn run_channel(&self, channel: &Channel, connection: &BrokerConnection, routes: &Routes) -> AmqpError {
        let mut requests = Vec::with_capacity(BATCH_SIZE);
        loop {
            if self.inbox.lock().await.recv_many(&mut requests, BATCH_SIZE).await == 0 {
                return AmqpError::lost(&self.settings, "publishing", "nobody publishes any more");
            }
            // A sender that has stopped waiting publishes again by itself.
            requests.retain(|request: &Request| !request.answer.is_closed());
            let (mut messages, mut answers) = (Vec::with_capacity(BATCH_SIZE), Vec::with_capacity(BATCH_SIZE));
            for Request { mut message, queue, answer } in requests.drain(..) {
                if let Some(queue) = queue {
                    match routes.to(connection, &queue).await {
                        Ok(Some(exchange)) => message.exchange = exchange,
                        Ok(None) => {
                            answer.send(PublishOutcome::Unroutable).ok();
                            continue;
                        }
                        Err(error) => return error,
                    }
                }
                messages.push(message);
                answers.push(answer);
            }
            if crate::planted!("no_confirm") {
                for answer in answers.drain(..) {
                    answer.send(PublishOutcome::Confirmed).ok();
                }
            }
            match publish_batch::publish(channel, messages, self.settings.confirm_limit).await {
                Ok(outcomes) => {
                    for (answer, outcome) in answers.into_iter().zip(outcomes) {
                        if answer.send(outcome).is_err() {
                            tracing::debug!("nobody waited for a confirm");
                        }
                    }
                }
                Err(error) => return batch_error(&self.settings, error, "publishing"),
            }
        }
    }

    fn set_state(&self, state: State) {
        self.connected.set(i64::from(state.is_ok()));
        drop(self.state.send_replace(state));
    }
}
