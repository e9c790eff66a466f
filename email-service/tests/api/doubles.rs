//! Stand-ins for the peers of the service: the callback queue's consumer and a mailer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use email_service::domain::Mail;
use email_service::mailer::{Accepted, Mailer, SendError};
use service_kit::messaging::{Consumer, Delivery, HandlerResult};
use shared_events::Envelope;

/// The callback queue's consumer.
#[derive(Default)]
pub(crate) struct Acks {
    received: Mutex<Vec<Envelope>>,
    script: Mutex<VecDeque<HandlerResult>>,
    unavailable: AtomicBool,
}

impl Acks {
    pub(crate) fn received(&self) -> Vec<Envelope> {
        self.received.lock().unwrap().clone()
    }

    /// The next answers; `Done` afterwards.
    pub(crate) fn answer(&self, outcomes: impl IntoIterator<Item = HandlerResult>) {
        self.script.lock().unwrap().extend(outcomes);
    }

    pub(crate) fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }
}

#[async_trait]
impl Consumer for Acks {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        if self.unavailable.load(Ordering::SeqCst) {
            return deliveries.iter().map(|_| HandlerResult::retry("away")).collect();
        }
        let mut outcomes = Vec::new();
        for delivery in deliveries {
            self.received.lock().unwrap().push(delivery.message.decode().unwrap());
            outcomes.push(self.script.lock().unwrap().pop_front().unwrap_or(HandlerResult::Done));
        }
        outcomes
    }

    async fn dependency(&self) -> Result<(), String> {
        if self.unavailable.load(Ordering::SeqCst) { Err("away".to_owned()) } else { Ok(()) }
    }
}

/// A mailer that answers by a script.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) sent: Mutex<Vec<Mail>>,
    script: Mutex<VecDeque<Result<Accepted, SendError>>>,
    gate: Option<tokio::sync::Semaphore>,
}

impl Scripted {
    /// The next answers; acceptance afterwards.
    pub(crate) fn new(script: impl IntoIterator<Item = Result<Accepted, SendError>>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() })
    }

    /// Holds every mail until [`Scripted::open`].
    pub(crate) fn gated() -> Arc<Self> {
        Arc::new(Self { gate: Some(tokio::sync::Semaphore::new(0)), ..Self::default() })
    }

    pub(crate) fn open(&self) {
        self.gate.as_ref().unwrap().add_permits(1_000);
    }

    pub(crate) fn message_ids(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|mail| mail.message_id.to_string()).collect()
    }
}

#[async_trait]
impl Mailer for Scripted {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        self.sent.lock().unwrap().push(mail.clone());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let next = self.script.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Ok(Accepted { answer: "250 ok".to_owned() }))
    }

    async fn probe(&self) -> Result<(), String> {
        Ok(())
    }
}
