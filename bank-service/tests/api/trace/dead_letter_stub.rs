//! The dead letters of a test, and the transport that replays them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bank_service::http::AppState;
use chrono::DateTime;
use service_kit::clock::SharedClock;
use service_kit::messaging::dead_letters::{ActionResult, Backlog, DeadLetterAction, Selection};
use service_kit::messaging::{
    DeadLetter, DeadLetterAdmin, DeadLetters, InProcessDeadLetterAdmin, Outgoing, PublishResult, Publisher,
};
use shared_events::{EventId, WireMessage};
use test_support::dead_letters::MemoryDeadLetters;
use tokio::sync::broadcast;

pub(crate) struct DeadLetterStub {
    pub(crate) kept: Arc<MemoryDeadLetters>,
    pub(crate) transport: Arc<Transport>,
    /// The reported backlog of every queue.
    pub(crate) backlog: Arc<Mutex<Backlog>>,
}

/// A dead letter admin whose queues report this backlog.
struct AdminWithBacklog {
    admin: InProcessDeadLetterAdmin,
    backlog: Arc<Mutex<Backlog>>,
}

#[async_trait]
impl DeadLetterAdmin for AdminWithBacklog {
    fn dead_letters(&self) -> &dyn DeadLetters {
        self.admin.dead_letters()
    }

    async fn peek(&self, queue: &str, selection: &Selection) -> io::Result<Vec<DeadLetter>> {
        self.admin.peek(queue, selection).await
    }

    async fn apply(
        &self,
        queue: &str,
        action: DeadLetterAction,
        selection: &Selection,
    ) -> io::Result<Vec<(EventId, ActionResult)>> {
        self.admin.apply(queue, action, selection).await
    }

    async fn backlog(&self, _queue: &str) -> io::Result<Backlog> {
        Ok(*self.backlog.lock().unwrap())
    }
}

/// Accepts every message unless `is_down` is set.
pub(crate) struct Transport {
    pub(crate) is_down: AtomicBool,
    taken: Mutex<Vec<WireMessage>>,
    resumed: broadcast::Sender<String>,
}

#[async_trait]
impl Publisher for Transport {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        if self.is_down.load(Ordering::SeqCst) {
            return PublishResult::Unavailable { reason: "the broker is away".to_owned() };
        }
        self.taken.lock().unwrap().push(outgoing.message);
        PublishResult::Accepted
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.resumed.subscribe()
    }
}

impl Transport {
    pub(crate) fn taken(&self) -> Vec<EventId> {
        self.taken.lock().unwrap().iter().map(|message| message.event_id().unwrap()).collect()
    }
}

impl DeadLetterStub {
    /// Dead letters, and the admin interface to them.
    pub(crate) fn new(clock: &SharedClock) -> (Self, InProcessDeadLetterAdmin) {
        let transport = Arc::new(Transport {
            is_down: AtomicBool::new(false),
            taken: Mutex::default(),
            resumed: broadcast::Sender::new(1),
        });
        let kept = Arc::new(MemoryDeadLetters::new());
        let admin = InProcessDeadLetterAdmin::new(kept.clone(), transport.clone(), clock.clone());
        (Self { kept, transport, backlog: Arc::default() }, admin)
    }

    pub(crate) fn attach(state: &mut AppState) -> Self {
        let (stub, admin) = Self::new(&state.clock);
        let backlog = stub.backlog.clone();
        state.dead_letters = Some(Arc::new(AdminWithBacklog { admin, backlog }));
        stub
    }

    /// Adds a message as a dead letter.
    pub(crate) async fn add(&self, queue: &str, message: WireMessage) -> EventId {
        let died_at = DateTime::from_timestamp(1_768_583_426, 0).unwrap();
        let dead_letter =
            DeadLetter { queue: queue.to_owned(), reason: "poison".to_owned(), attempts: 5, died_at, message };
        let id = dead_letter.id();
        self.kept.add(dead_letter).await.unwrap();
        id
    }

    /// `<queue>/<id>` of a new dead letter.
    pub(crate) async fn some(&self) -> String {
        format!("log-service/{}", self.add("log-service", message("card.created", "{}")).await)
    }
}

/// A message without any properties, as a publisher in another language may send it.
pub(crate) fn message(routing_key: &str, body: &str) -> WireMessage {
    let (properties, headers) = Default::default();
    WireMessage { routing_key: routing_key.to_owned(), properties, headers, body: body.into() }
}
