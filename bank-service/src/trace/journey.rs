//! The journey of one event: the tables, the dead letters and the other services are queried concurrently.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use service_kit::messaging::dead_letters::{Backlog, Selection};
use service_kit::messaging::{DeadLetter, Progress, QueueProgress};
use service_kit::telemetry::trace::trace_id_of;
use shared_events::catalog::queues_of;
use shared_events::routing::{EMAIL_QUEUE, LOG_QUEUE};
use shared_events::{EventId, WireMessage, date};
use utoipa::ToSchema;

use super::peer_clients::{Logged, MailDelivery};
use super::{Tracer, YOUNG, at, mail_answer, replies_to};
use crate::domain::event_status::{EventStatus, Evidence, MailAnswer, Route, classify};
use crate::domain::named_states::named_states;
use crate::store::StoreError;
use crate::store::dead_letter_actions::{self, Action};
use crate::store::event_trace::{self, ReceiptRow, TracedRow};

/// The time limit for reading the dead letters.
const DEAD_LETTERS_LIMIT: Duration = Duration::from_secs(5);

/// The journey of an event: its steps so far, and its state.
#[derive(Debug, Serialize, ToSchema)]
pub struct Journey {
    /// The event's identity.
    #[schema(format = Uuid)]
    pub event_id: String,
    /// `<entity>.<past verb>`.
    #[schema(example = "bank.created")]
    pub event_type: String,
    /// The trace of the request that caused it, 32 hexadecimal digits; null where none was recorded.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<String>,
    /// `waiting`, `unrouted` (no queue takes it), `in_flight`, `logged`, `mailed`, `rejected`, `parked`, `discarded`, `unaccounted`, `unknown` or `untracked`.
    #[schema(example = "logged")]
    pub state: &'static str,
    /// When its change was committed.
    #[schema(format = DateTime)]
    pub committed_at: String,
    /// Whether the transport took it.
    pub published: PublishStep,
    /// The queues that get events of this type.
    pub deliveries: Vec<DeliveryStep>,
    /// Its mail, if it causes one.
    pub mail: MailStep,
    /// Its entry in the log.
    pub log: LogStep,
    /// The dead letters of it, and of the confirmation of its mail.
    pub dead_letters: Vec<DeadLetterStep>,
    /// Actions of operators on its dead letters.
    pub actions: Vec<ActionStep>,
}

named_states! {
    /// Whether the transport took an event.
    pub enum PublishState {
        Published = "published",
        Waiting = "waiting",
        /// No queue takes it.
        Unrouted = "unrouted",
    }
}

named_states! {
    /// The progress of an event at one queue.
    pub enum DeliveryState {
        /// Not published yet, or between two attempts.
        Waiting = "waiting",
        /// No queue takes it.
        Unrouted = "unrouted",
        InFlight = "in_flight",
        Done = "done",
        Dead = "dead",
        /// Nobody keeps a record, or it cannot be queried.
        Unknown = "unknown",
    }
}

/// The step from the outbox to the transport.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishStep {
    /// `published`, `waiting`, or `unrouted`: no queue takes it; it is kept and tried again now and then.
    pub state: &'static str,
    /// When the transport took it; null while it waits.
    #[schema(format = DateTime)]
    pub published_at: Option<String>,
    /// When it is published next, if it is not yet.
    #[schema(format = DateTime)]
    pub due_at: Option<String>,
    /// The paused queue that it waits for.
    pub waiting_for: Option<String>,
}

/// The step from the transport to the consumer of a queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryStep {
    /// The queue's name.
    pub queue: String,
    /// `waiting` (also between attempts), `unrouted` (no queue takes it), `in_flight`, `done`, `dead`, or `unknown`: nobody has a record.
    pub state: &'static str,
    /// Failed attempts, where they are known.
    pub attempts: Option<u32>,
}

/// The step to the mail server.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailStep {
    /// `none`, `waiting`, `sending`, `sent`, `rejected`, `failed` or `unknown`.
    pub state: &'static str,
    /// When the mail server's final answer was confirmed to bank-service (the ACK), where one is asked for.
    #[schema(format = DateTime)]
    pub confirmed_at: Option<String>,
    /// The `Message-ID` of the mail; null while it is not known.
    pub message_id: Option<String>,
    /// Why the mail was refused.
    pub reason: Option<String>,
    /// Recipient by recipient, as email-service reports it; null if it could not be asked.
    pub recipients: Option<Vec<MailDelivery>>,
}

/// The step to the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogStep {
    /// `none` (never to be logged), `waiting`, `logged` or `unknown`.
    pub state: &'static str,
    /// The entry's id.
    pub id: Option<String>,
    /// When it was recorded; null if it is not.
    #[schema(format = DateTime)]
    pub logged_at: Option<String>,
    /// How often log-service was asked in vain to log it, where bank-service asks.
    pub attempts: Option<i32>,
}

/// A dead letter of the event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Parked)]
pub struct DeadLetterStep {
    /// The queue whose consumer gave it up.
    pub queue: String,
    /// Its id among the dead letters of the queue.
    #[schema(format = Uuid)]
    pub id: String,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    #[schema(format = DateTime)]
    pub died_at: String,
}

/// An operator's action on a dead letter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterAction)]
pub struct ActionStep {
    /// The queue of the dead letter.
    pub queue: String,
    /// `replayed` or `discarded`.
    pub action: String,
    /// The user who did it; null on the command line.
    pub user_id: Option<i64>,
    /// When it was done.
    #[schema(format = DateTime)]
    pub at: String,
    /// Why, in the operator's words; null where none was given.
    pub reason: Option<String>,
}

/// Everything that was found out.
struct Found {
    row: TracedRow,
    receipt: Option<ReceiptRow>,
    actions: Vec<Action>,
    /// None: the dead letters could not be looked at.
    dead_letters: Option<Vec<DeadLetter>>,
    logged: Result<Option<Logged>, String>,
    mails: Option<Result<Vec<MailDelivery>, String>>,
    is_young: bool,
    in_process: bool,
}

impl Tracer {
    /// An event as it was committed; none if the outbox does not know it (any more).
    pub async fn committed(&self, id: EventId) -> Result<Option<TracedRow>, StoreError> {
        let id = id.to_string();
        self.store.read(move |db| event_trace::row(db, &id)).await
    }

    /// Follows an event; none if the outbox does not know it (any more).
    pub async fn follow(&self, id: EventId) -> Result<Option<Journey>, StoreError> {
        let text = id.to_string();
        let with_replies: Vec<String> = replies_to(id).into_iter().chain([id]).map(|id| id.to_string()).collect();
        let read = move |db: &mut _| {
            let Some(row) = event_trace::row(db, &text)? else { return Ok::<_, StoreError>(None) };
            let receipt = event_trace::receipts(db, std::slice::from_ref(&text))?.pop();
            Ok(Some((row, receipt, dead_letter_actions::of_events(db, &with_replies)?)))
        };
        let Some((row, receipt, actions)) = self.store.read(read).await? else { return Ok(None) };
        let route = Route::of(&row.event_type);
        let event_type = row.event_type.clone();
        let log = async {
            let queried = if route.ends_in_the_log() { vec![id] } else { Vec::new() };
            self.peers.logged(&queried).await.map(|mut found| found.remove(&id))
        };
        let dead_letters = self.dead_letters_of(id, &row.event_type);
        let (dead_letters, logged, mails) = tokio::join!(dead_letters, log, self.peers.mails(id));
        // The response of log-service may have changed the route.
        let route = self.route(&event_type);
        let now = self.clock.now().naive_utc();
        let is_young = row.sent_at.is_none_or(|sent| now - sent < YOUNG);
        let in_process = self.in_process;
        let found = Found { row, receipt, actions, dead_letters, logged, mails, is_young, in_process };
        let mut evidence = self.evidence(route, &found);
        if classify(route, &evidence) == EventStatus::Unaccounted {
            evidence.is_explained = self.is_queued(route).await;
        }
        Ok(Some(journey(found, route, classify(route, &evidence).as_str())))
    }

    /// The dead letters of an event and of the confirmations of its mail.
    async fn dead_letters_of(&self, id: EventId, event_type: &str) -> Option<Vec<DeadLetter>> {
        let Some(admin) = &self.dead_letters else { return Some(Vec::new()) };
        let own = queues_of(event_type).map(|queue| (queue.to_owned(), Selection::one(id)));
        let replies = (self.callback_queue.clone(), Selection::These(replies_to(id)));
        let peeks = own.chain([replies]).map(|(queue, wanted)| async move { admin.peek(&queue, &wanted).await });
        let peeked = tokio::time::timeout(DEAD_LETTERS_LIMIT, join_all(peeks)).await.ok()?;
        let dead_letters = peeked.into_iter().collect::<Result<Vec<_>, _>>();
        dead_letters.map_err(|error| tracing::warn!(%error, "dead letters cannot be read")).ok().map(|all| all.concat())
    }

    /// Whether an event of this route may wait in its queue, as far as that is known in time.
    async fn is_queued(&self, route: Route) -> bool {
        let is_waiting = |waiting: Backlog| waiting.ready || waiting.delayed;
        let queried = async { self.is_held(route).await || self.backlog(route).await.map_or(true, is_waiting) };
        tokio::time::timeout(DEAD_LETTERS_LIMIT, queried).await.unwrap_or(true)
    }

    fn evidence(&self, route: Route, found: &Found) -> Evidence {
        let receipt = found.receipt.as_ref();
        let is_discarded = |action: &Action| {
            action.action == dead_letter_actions::DISCARDED && self.is_on_the_way(route, &action.queue)
        };
        Evidence {
            is_sent: found.row.sent_at.is_some(),
            is_unrouted: found.row.unrouted_at.is_some(),
            mail: receipt.map(mail_answer),
            is_posting: receipt.is_some_and(|receipt| receipt.due_at.is_some()),
            is_logged: found.logged.as_ref().ok().map(Option::is_some),
            is_parked: found
                .dead_letters
                .iter()
                .flatten()
                .any(|dead_letter| self.is_on_the_way(route, &dead_letter.queue)),
            is_discarded: found.actions.iter().any(is_discarded),
            is_explained: found.is_young || found.dead_letters.is_none() || is_being_mailed(found),
        }
    }
}

fn journey(found: Found, route: Route, state: &'static str) -> Journey {
    Journey {
        trace_id: trace_id(&found.row),
        state,
        committed_at: at(found.row.created_at),
        published: published(&found.row),
        deliveries: queues_of(&found.row.event_type).map(|queue| delivery(&found, queue)).collect(),
        mail: mail(&found),
        log: log(&found, route),
        dead_letters: found.dead_letters.iter().flatten().map(dead_letter_step).collect(),
        actions: found.actions.iter().map(action).collect(),
        event_id: found.row.event_id,
        event_type: found.row.event_type,
    }
}

fn trace_id(row: &TracedRow) -> Option<String> {
    serde_json::from_str::<WireMessage>(&row.message).ok().and_then(|message| trace_id_of(&message))
}

fn is_being_mailed(found: &Found) -> bool {
    mails_of(found).is_some_and(|mails| mails.iter().any(|mail| mail.state == "sending"))
}

fn published(row: &TracedRow) -> PublishStep {
    let state = match (row.sent_at, row.unrouted_at) {
        (Some(_), _) => PublishState::Published,
        (None, Some(_)) => PublishState::Unrouted,
        (None, None) => PublishState::Waiting,
    };
    PublishStep {
        state: state.as_str(),
        published_at: row.sent_at.map(at),
        // A fresh row is due at once; its due time carries no information.
        due_at: row.due_at.filter(|due| *due > row.created_at && row.unrouted_at.is_none()).map(at),
        waiting_for: row.waiting_for.clone(),
    }
}

fn delivery(found: &Found, queue: &str) -> DeliveryStep {
    let (state, attempts) = delivery_state(found, queue);
    DeliveryStep { queue: queue.to_owned(), state: state.as_str(), attempts }
}

/// The state with the failed attempts, where they are known.
fn delivery_state(found: &Found, queue: &str) -> (DeliveryState, Option<u32>) {
    let dead = found.dead_letters.iter().flatten().find(|dead_letter| dead_letter.queue == queue);
    if let Some(dead_letter) = dead {
        return (DeliveryState::Dead, Some(dead_letter.attempts));
    }
    let progress: Progress =
        found.row.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    match progress.get(queue) {
        Some(QueueProgress::Done) => return (DeliveryState::Done, None),
        Some(QueueProgress::Pending { attempts, .. }) => return (DeliveryState::Waiting, Some(*attempts)),
        Some(QueueProgress::Dead) | None => {}
    }
    let is_done = match queue {
        LOG_QUEUE => found.logged.as_ref().ok().map(Option::is_some),
        EMAIL_QUEUE => found.receipt.as_ref().map(|_| true).or_else(|| all_mails_settled(found)),
        _ => None,
    };
    match (found.row.sent_at.is_some(), is_done) {
        (_, Some(true)) => (DeliveryState::Done, None),
        (true, Some(false)) if queue == EMAIL_QUEUE => mailing(found),
        // In process an event is marked sent only after every queue has finished it.
        (true, _) if found.in_process => (DeliveryState::Done, None),
        (true, Some(false)) => (DeliveryState::InFlight, None),
        (true, None) => (DeliveryState::Unknown, None),
        (false, _) if found.row.unrouted_at.is_some() => (DeliveryState::Unrouted, None),
        (false, _) => (DeliveryState::Waiting, None),
    }
}

/// None: nothing is known, or there is no mail to settle.
fn all_mails_settled(found: &Found) -> Option<bool> {
    let mails = mails_of(found).filter(|mails| !mails.is_empty())?;
    Some(mails.iter().all(|mail| !["sending", "failed"].contains(&mail.state.as_str())))
}

/// The state at email-service of an event with unsettled mails: a failed one is to be retried, if it is no dead letter.
fn mailing(found: &Found) -> (DeliveryState, Option<u32>) {
    let mails: &[MailDelivery] = mails_of(found).map(Vec::as_slice).unwrap_or_default();
    if mails.iter().any(|mail| mail.state == "sending") {
        return (DeliveryState::InFlight, None);
    }
    let failed = mails.iter().filter(|mail| mail.state == "failed");
    let attempts = failed.filter_map(|mail| u32::try_from(mail.attempts).ok()).max();
    let is_discarded = |action: &Action| action.action == dead_letter_actions::DISCARDED && action.queue == EMAIL_QUEUE;
    let state = match &found.dead_letters {
        None => DeliveryState::Unknown,
        Some(_) if found.actions.iter().any(is_discarded) => DeliveryState::Dead,
        Some(_) => DeliveryState::Waiting,
    };
    (state, attempts)
}

/// The mails by email-service's records; none if it could not be queried.
fn mails_of(found: &Found) -> Option<&Vec<MailDelivery>> {
    found.mails.as_ref().and_then(|mails| mails.as_ref().ok())
}

fn mail(found: &Found) -> MailStep {
    let mails = mails_of(found);
    let receipt = found.receipt.as_ref();
    let is_mailed = queues_of(&found.row.event_type).any(|queue| queue == EMAIL_QUEUE);
    let state = match (receipt.map(mail_answer), mails) {
        _ if !is_mailed => "none",
        (Some(MailAnswer::Sent), _) => "sent",
        (Some(MailAnswer::Rejected), _) => "rejected",
        (None, Some(mails)) if !mails.is_empty() => state_of(mails),
        (None, _) if found.row.sent_at.is_none() => "waiting",
        // An event type that the queue takes but that has no template leaves no record.
        (None, Some(_)) if Route::of(&found.row.event_type) == Route::Log => "none",
        (None, Some(_)) => "waiting",
        (None, None) => "unknown",
    };
    let first = mails.and_then(|mails| mails.first());
    MailStep {
        state,
        confirmed_at: receipt.map(|receipt| at(receipt.received_at)),
        message_id: receipt.and_then(|r| r.message_id.clone()).or_else(|| first.map(|mail| mail.message_id.clone())),
        reason: receipt.and_then(|receipt| receipt.reason.clone()),
        recipients: mails.cloned(),
    }
}

/// Of several mails the one that is furthest behind decides.
fn state_of(mails: &[MailDelivery]) -> &'static str {
    let behind = ["sending", "failed", "rejected"].into_iter();
    let mut found = behind.filter(|state| mails.iter().any(|mail| mail.state == *state));
    found.next().unwrap_or("sent")
}

fn log(found: &Found, route: Route) -> LogStep {
    let entry = found.logged.as_ref().ok().and_then(Option::as_ref);
    let state = match (&found.logged, entry) {
        _ if !route.ends_in_the_log() => "none",
        (_, Some(_)) => "logged",
        (Ok(_), None) if found.receipt.as_ref().map(mail_answer) == Some(MailAnswer::Rejected) => "none",
        (Ok(_), None) => "waiting",
        (Err(_), None) => "unknown",
    };
    let attempts = found.receipt.as_ref().filter(|_| route == Route::MailThenLog).map(|receipt| receipt.attempts);
    LogStep {
        state,
        id: entry.map(|entry| entry.id.clone()),
        logged_at: entry.map(|entry| entry.received_at.clone()),
        attempts,
    }
}

fn dead_letter_step(dead_letter: &DeadLetter) -> DeadLetterStep {
    DeadLetterStep {
        queue: dead_letter.queue.clone(),
        id: dead_letter.id().to_string(),
        reason: dead_letter.reason.clone(),
        attempts: dead_letter.attempts,
        died_at: date::zoned::format(&dead_letter.died_at),
    }
}

fn action(action: &Action) -> ActionStep {
    let Action { queue, action, user_id, acted_at, reason } = action.clone();
    ActionStep { queue, action, user_id, at: at(acted_at), reason }
}
