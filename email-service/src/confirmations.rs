//! Reports the result of an event's mail: `email.sent` or `email.rejected` on its `reply_to` queue.
//!
//! A reply has an id derived from the event's, so the same answer given twice is one answer. An event is done only when its
//! reply has been accepted. If the callback queue is unavailable or paused, that is an outage: the reply is kept and published
//! again by [`Confirmations::probe`] until it is accepted, and no attempt is spent meanwhile. Only the configured queue gets
//! this patience: a stranger's invented `reply_to` must not hold up all other mail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use service_kit::messaging::{Destination, Outgoing, Progress, PublishResult, Publisher};
use service_kit::telemetry::trace::current_traceparent;
use shared_events::events::{EmailRejected, EmailReport, EmailSent};
use shared_events::{Envelope, Event, EventId, WireMessage};

const SOURCE: &str = "urn:email-service";
/// The replies whose progress is remembered; a forgotten one is only tried more often.
const MAX_REMEMBERED: usize = 1_024;

/// The result to report.
#[derive(Debug, Clone)]
pub enum Answer {
    Sent(EmailReport),
    Rejected(EmailReport),
}

/// Publishes replies, and keeps those that meet an outage.
pub struct Confirmations {
    publisher: Arc<dyn Publisher>,
    callback_queue: String,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// The reply that met an outage last.
    stuck: Option<Outgoing>,
    /// The progress of replies that will be tried again.
    progress: BTreeMap<EventId, Progress>,
}

/// Why a reply is not accepted yet.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmationError {
    #[error("the reply is not accepted yet: {0}")]
    NotAccepted(String),
    /// The configured callback queue is unavailable; [`Confirmations::probe`] tries again.
    #[error("the reply waits for its queue: {0}")]
    QueueUnavailable(String),
    #[error("the reply cannot be written")]
    Encode(#[from] serde_json::Error),
}

impl Confirmations {
    pub fn new(publisher: Arc<dyn Publisher>, callback_queue: impl Into<String>) -> Self {
        Self { publisher, callback_queue: callback_queue.into(), waiting: Mutex::default() }
    }

    /// Publishes the answer to an event and waits until it is accepted. Does nothing without a `reply_to`.
    pub async fn send(&self, to: &Envelope, answer: Answer, date: DateTime<Utc>) -> Result<(), ConfirmationError> {
        let Some(queue) = &to.reply_to else { return Ok(()) };
        let reply = match answer {
            Answer::Sent(report) => reply(to, &EmailSent(report), date)?,
            Answer::Rejected(report) => reply(to, &EmailRejected(report), date)?,
        };
        let id = reply.id;
        let progress = self.waiting().progress.get(&id).cloned().unwrap_or_default();
        let message = WireMessage::encode(&reply)?;
        let outgoing = Outgoing { message, destination: Destination::Queue(queue.clone()), progress };
        service_kit::fail_point!("reply.unpublished");
        let Err(reason) = self.publish(id, outgoing).await else { return Ok(()) };
        let stuck = self.waiting().stuck.is_some();
        Err(if stuck { ConfirmationError::QueueUnavailable(reason) } else { ConfirmationError::NotAccepted(reason) })
    }

    /// Whether replies get through, as far as is known: publishes the one that is stuck, if there is one.
    pub async fn probe(&self) -> Result<(), String> {
        let Some(stuck) = self.waiting().stuck.take() else { return Ok(()) };
        let id = stuck.message.event_id().map_err(|error| error.to_string())?;
        match self.publish(id, stuck).await {
            Err(reason) if self.waiting().stuck.is_some() => Err(reason),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    async fn publish(&self, id: EventId, mut outgoing: Outgoing) -> Result<(), String> {
        match self.publisher.publish(outgoing.clone()).await {
            PublishResult::Accepted => {
                self.waiting().progress.remove(&id);
                Ok(())
            }
            PublishResult::Later { progress, waiting_for, reason, .. } => {
                outgoing.progress = progress.clone();
                self.remember(id, progress);
                if waiting_for.is_some() {
                    self.hold(outgoing);
                }
                Err(reason)
            }
            PublishResult::Unrouted { reason, .. } | PublishResult::Unavailable { reason } => {
                self.hold(outgoing);
                Err(reason)
            }
        }
    }

    fn remember(&self, id: EventId, progress: Progress) {
        let mut waiting = self.waiting();
        if waiting.progress.len() >= MAX_REMEMBERED && !waiting.progress.contains_key(&id) {
            waiting.progress.pop_first();
        }
        waiting.progress.insert(id, progress);
    }

    fn hold(&self, outgoing: Outgoing) {
        if outgoing.destination == Destination::Queue(self.callback_queue.clone()) {
            self.waiting().stuck = Some(outgoing);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reply<E: Event>(to: &Envelope, event: &E, date: DateTime<Utc>) -> Result<Envelope, serde_json::Error> {
    let mut reply = Envelope::new(to.id.derive(E::TYPE), SOURCE, to.body.user_id, date, event)?;
    reply.correlation_id = Some(to.id.to_string());
    reply.traceparent = current_traceparent().or_else(|| to.traceparent.clone());
    Ok(reply)
}
