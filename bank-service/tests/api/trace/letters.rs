//! The dead letters of a test, and the transport that takes them again.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bank_service::http::AppState;
use chrono::DateTime;
use service_kit::clock::SharedClock;
use service_kit::messaging::dead_letters::{Waiting, Wanted, Work, Worked};
use service_kit::messaging::{
    DeadLetter, DeadLetterOffice, DeadLetters, InProcessOffice, MemoryDeadLetters, Outgoing, Publisher, Receipt,
};
use shared_events::{EventId, WireMessage};
use tokio::sync::broadcast;

pub(crate) struct Letters {
    pub(crate) kept: Arc<MemoryDeadLetters>,
    pub(crate) transport: Arc<Transport>,
    /// What is told of the messages that wait in every queue.
    pub(crate) waiting: Arc<Mutex<Waiting>>,
}

/// An office whose queues are told to have messages.
struct Crowded {
    office: InProcessOffice,
    waiting: Arc<Mutex<Waiting>>,
}

#[async_trait]
impl DeadLetterOffice for Crowded {
    fn letters(&self) -> &dyn DeadLetters {
        self.office.letters()
    }

    async fn look(&self, queue: &str, wanted: &Wanted) -> io::Result<Vec<DeadLetter>> {
        self.office.look(queue, wanted).await
    }

    async fn work(&self, queue: &str, work: Work, wanted: &Wanted) -> io::Result<Vec<(EventId, Worked)>> {
        self.office.work(queue, work, wanted).await
    }

    async fn waiting(&self, _queue: &str) -> io::Result<Waiting> {
        Ok(*self.waiting.lock().unwrap())
    }
}

/// Takes everything, unless it is told not to.
pub(crate) struct Transport {
    pub(crate) is_away: AtomicBool,
    taken: Mutex<Vec<WireMessage>>,
    resumed: broadcast::Sender<String>,
}

#[async_trait]
impl Publisher for Transport {
    async fn publish(&self, outgoing: Outgoing) -> Receipt {
        if self.is_away.load(Ordering::SeqCst) {
            return Receipt::Unavailable { reason: "the broker is away".to_owned() };
        }
        self.taken.lock().unwrap().push(outgoing.message);
        Receipt::Accepted
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

impl Letters {
    /// Letters, and the office where they are worked through.
    pub(crate) fn new(clock: &SharedClock) -> (Self, InProcessOffice) {
        let transport = Arc::new(Transport {
            is_away: AtomicBool::new(false),
            taken: Mutex::default(),
            resumed: broadcast::Sender::new(1),
        });
        let kept = Arc::new(MemoryDeadLetters::new());
        let office = InProcessOffice::new(kept.clone(), transport.clone(), clock.clone());
        (Self { kept, transport, waiting: Arc::default() }, office)
    }

    pub(crate) fn attach(state: &mut AppState) -> Self {
        let (letters, office) = Self::new(&state.clock);
        let waiting = letters.waiting.clone();
        state.dead_letters = Some(Arc::new(Crowded { office, waiting }));
        letters
    }

    /// Gives up a message.
    pub(crate) async fn park(&self, queue: &str, message: WireMessage) -> EventId {
        let died_at = DateTime::from_timestamp(1_768_583_426, 0).unwrap();
        let letter = DeadLetter { queue: queue.to_owned(), reason: "poison".to_owned(), attempts: 5, died_at, message };
        let id = letter.id();
        self.kept.add(letter).await.unwrap();
        id
    }

    /// `<queue>/<id>` of a letter.
    pub(crate) async fn some(&self) -> String {
        format!("log-service/{}", self.park("log-service", message("card.created", "{}")).await)
    }
}

/// A message without any properties, as a publisher in another language may send it.
pub(crate) fn message(routing_key: &str, body: &str) -> WireMessage {
    let (properties, headers) = Default::default();
    WireMessage { routing_key: routing_key.to_owned(), properties, headers, body: body.into() }
}
