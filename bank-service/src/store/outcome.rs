//! The result of an operation: its value, and the events that report what it did.

use service_kit::ids::new_event_id;
use shared_events::catalog::is_confirmed;
use shared_events::{Envelope, Event, EventId, UserId};

use super::{Ctx, StoreError};

/// The source of all events of this service.
pub const SOURCE: &str = "urn:bank-service";

type BuildEvent = Box<dyn Fn(&Ctx) -> Result<Envelope, serde_json::Error> + Send>;

/// An event that waits for its transaction.
pub struct PendingEvent {
    build: BuildEvent,
    counted_as: Option<EffectLabels>,
}

/// Under which labels an effect is counted.
pub type EffectLabels = [&'static str; 2];

impl PendingEvent {
    /// An event about an action of the operation's caller. If it needs a confirmation, it names the callback queue.
    pub fn new<E: Event + Clone + Send + 'static>(event: &E) -> Self {
        Self::with_id(new_event_id(), event)
    }

    /// The same under an id that was made before, since a row names it.
    pub fn with_id<E: Event + Clone + Send + 'static>(id: EventId, event: &E) -> Self {
        let event = event.clone();
        let build = move |ctx: &Ctx| -> Result<Envelope, serde_json::Error> {
            let mut envelope = Envelope::new(id, SOURCE, ctx.user_id, ctx.now, &event)?;
            envelope.correlation_id.clone_from(&ctx.request_id);
            envelope.traceparent.clone_from(&ctx.traceparent);
            envelope.reply_to = is_confirmed(E::TYPE).then(|| ctx.callback_queue.to_string());
            Ok(envelope)
        };
        Self { build: Box::new(build), counted_as: None }
    }

    /// The effect that the event reports is counted under these labels, once it is committed.
    #[must_use]
    pub fn counted_as(self, labels: EffectLabels) -> Self {
        Self { counted_as: Some(labels), ..self }
    }

    /// Attributes the event to this user, where no user is logged in.
    fn by(self, user: UserId) -> Self {
        let Self { build, counted_as } = self;
        let build = move |ctx: &Ctx| if ctx.user_id.is_some() { build(ctx) } else { build(&ctx.clone().by(user)) };
        Self { build: Box::new(build), counted_as }
    }

    pub(super) fn build(&self, ctx: &Ctx) -> Result<Envelope, StoreError> {
        (self.build)(ctx).map_err(|_| StoreError::Corrupt { what: "an event's facts" })
    }
}

/// The effects that follow a commit of events.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Whether the relay has something to do.
    pub(super) has_events: bool,
    pub(super) counted: Vec<EffectLabels>,
}

impl Effects {
    pub(super) fn add(&mut self, events: &[PendingEvent]) {
        self.has_events |= !events.is_empty();
        self.counted.extend(events.iter().filter_map(|event| event.counted_as));
    }
}

/// The result of an operation: its value and its events. The transaction that commits the change writes the events, so none
/// is published outside of it.
#[must_use]
pub struct Outcome<T> {
    pub value: T,
    pub events: Vec<PendingEvent>,
}

impl<T> Outcome<T> {
    /// A change without events.
    pub fn new(value: T) -> Self {
        Self { value, events: Vec::new() }
    }

    pub fn event<E: Event + Clone + Send + 'static>(mut self, event: &E) -> Self {
        self.events.push(PendingEvent::new(event));
        self
    }

    pub fn events(mut self, events: impl IntoIterator<Item = PendingEvent>) -> Self {
        self.events.extend(events);
        self
    }

    /// Attributes all events so far to this user: a user who proved identity by a link or a code is not logged in.
    pub fn by(mut self, user: UserId) -> Self {
        self.events = self.events.into_iter().map(|event| event.by(user)).collect();
        self
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome { value: f(self.value), events: self.events }
    }
}
