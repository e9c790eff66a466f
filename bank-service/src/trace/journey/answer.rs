//! A journey as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::named_states::named_states;
use crate::trace::MailDelivery;

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
