//! `email.sent` and `email.rejected` on the callback queue: stored once per event, however often they are delivered.
//!
//! A confirmation counts only for an event that asked for one; the event's type is that of its outbox row, not the message's.
//! The older services' confirmation, which has no type and the message `Message acknowledged`, is an `email.sent`; its event
//! is named by the correlation id.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, ConsumerSettings, Delivery, HandlerResult};
use shared_events::events::{EmailRejected, EmailSent};
use shared_events::{Event, EventId, WireMessage};
use tokio::sync::Notify;

use crate::domain::event_status::Route;
use crate::store::mail_receipts::{self, NewReceipt};
use crate::store::{Ctx, Db, Outcome, Store, StoreError, event_trace};

/// Longer reasons are cut: the mail server chooses their length.
const REASON_CHARS: usize = 1000;
/// As many as the table takes.
const MESSAGE_ID_CHARS: usize = 255;
const OLD_CONFIRMATION: &str = "Message acknowledged";

pub struct RecordMailReceipt {
    store: Store,
    clock: SharedClock,
    /// Wakes the log poster.
    recorded: Arc<Notify>,
}

impl RecordMailReceipt {
    pub fn new(store: Store, clock: SharedClock, recorded: Arc<Notify>) -> Self {
        Self { store, clock, recorded }
    }

    pub fn settings(callback_queue: &str) -> ConsumerSettings {
        ConsumerSettings::new(callback_queue, Vec::new())
    }

    async fn record(&self, delivery: &Delivery) -> HandlerResult {
        let confirmation = match Confirmation::read(delivery) {
            Ok(confirmation) => confirmation,
            Err(outcome) => return outcome,
        };
        service_kit::fail_point!("ack.delivered");
        let ctx = self.store.ctx(self.clock.now());
        let written = self.store.write(&ctx, move |db, ctx| insert(db, ctx, &confirmation).map(Outcome::new)).await;
        match written {
            Ok(None) => {
                service_kit::fail_point!("ack.recorded");
                self.recorded.notify_one();
                HandlerResult::Done
            }
            Ok(Some(refusal)) => HandlerResult::reject(refusal),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::DiskFull | StoreError::Busy)) => {
                HandlerResult::later(error.to_string())
            }
            Err(error) => HandlerResult::retry(error.to_string()),
        }
    }
}

/// A message on the callback queue, decoded.
struct Confirmation {
    sent: bool,
    event_id: EventId,
    correlation_id: Option<String>,
    message_id: Option<String>,
    reason: Option<String>,
}

impl Confirmation {
    fn read(delivery: &Delivery) -> Result<Self, HandlerResult> {
        let envelope =
            with_type(&delivery.message).decode().map_err(|error| HandlerResult::reject(error.to_string()))?;
        let sent = match envelope.event_type.as_str() {
            EmailSent::TYPE => true,
            EmailRejected::TYPE => false,
            other => return Err(HandlerResult::reject(format!("{other} is not a confirmation"))),
        };
        let text = |name: &str| envelope.body.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let correlation_id = delivery.message.properties.correlation_id.clone();
        let no_uuid = || HandlerResult::reject("the id of the confirmed event is not a UUID");
        let event_id = match envelope.body.data.get("event_id") {
            Some(Value::String(id)) => id.as_str(),
            None | Some(Value::Null) => correlation_id.as_deref().ok_or_else(|| {
                HandlerResult::reject("neither data.event_id nor correlation_id says which event is confirmed")
            })?,
            Some(_) => return Err(no_uuid()),
        };
        let event_id = event_id.parse().map_err(|_| no_uuid())?;
        let cut = |name: &str, chars: usize| text(name).map(|text| text.chars().take(chars).collect::<String>());
        let (message_id, reason) = (cut("message_id", MESSAGE_ID_CHARS), cut("reason", REASON_CHARS));
        Ok(Self { sent, event_id, correlation_id, message_id, reason })
    }
}

/// Adds the type to the older services' confirmation, which has none.
fn with_type(message: &WireMessage) -> Cow<'_, WireMessage> {
    let has_type = message.properties.kind.is_some() || message.headers.contains_key("cloudEvents_type");
    let has_message = |text: &str| {
        serde_json::from_slice::<Value>(&message.body)
            .is_ok_and(|body| body.get("message").is_some_and(|message| message == text))
    };
    if has_type || !has_message(OLD_CONFIRMATION) {
        return Cow::Borrowed(message);
    }
    let mut message = message.clone();
    message.properties.kind = Some(EmailSent::TYPE.to_owned());
    Cow::Owned(message)
}

/// Stores the confirmation; returns a text if it does not count.
fn insert(db: &mut Db, ctx: &Ctx, confirmation: &Confirmation) -> Result<Option<&'static str>, StoreError> {
    let event_id = confirmation.event_id.to_string();
    let Some(row) = event_trace::row(db, &event_id)? else {
        return Ok(Some("no event with this id is kept"));
    };
    let original: WireMessage =
        serde_json::from_str(&row.message).map_err(|_| StoreError::Corrupt { what: "an event in the outbox" })?;
    if original.properties.reply_to.is_none() {
        return Ok(Some("the event did not ask for a confirmation"));
    }
    let given = confirmation.correlation_id.as_ref();
    let is_same = |given: &str| given.parse().is_ok_and(|given: EventId| given == confirmation.event_id);
    if given.is_some_and(|given| !is_same(given) && Some(given) != original.properties.correlation_id.as_ref()) {
        return Ok(Some("data.event_id and correlation_id name different events"));
    }
    // An event that is only mailed is never logged.
    let is_to_be_logged = confirmation.sent && Route::of(&row.event_type) == Route::MailThenLog;
    let now = ctx.now_naive();
    let receipt = NewReceipt {
        event_id,
        state: if confirmation.sent { "sent" } else { "rejected" }.to_owned(),
        message_id: confirmation.message_id.clone(),
        reason: confirmation.reason.clone(),
        received_at: now,
        due_at: is_to_be_logged.then_some(now),
    };
    mail_receipts::insert_once(db, &receipt)?;
    Ok(None)
}

#[async_trait]
impl Consumer for RecordMailReceipt {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            outcomes.push(self.record(delivery).await);
        }
        outcomes
    }

    async fn dependency(&self) -> Result<(), String> {
        self.store.ping().await.map_err(|error: StoreError| error.to_string())
    }
}
