//! `email.sent` and `email.rejected` on the callback queue: kept once per event, whatever is delivered twice.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, Delivery, Outcome as Handled, data_or_reject, decode_or_reject};
use shared_events::events::{EmailRejected, EmailReport, EmailSent};
use shared_events::{Envelope, Event};
use tokio::sync::Notify;

use crate::domain::standing::Route;
use crate::store::mail_receipts::{self, NewReceipt};
use crate::store::{Outcome, Store, StoreError};

/// Longer reasons are cut; the mail server chose them.
const REASON_CHARS: usize = 1000;

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

    async fn record(&self, delivery: &Delivery) -> Handled {
        let receipt = match decode_or_reject(delivery).and_then(|envelope| self.receipt(&envelope)) {
            Ok(receipt) => receipt,
            Err(outcome) => return outcome,
        };
        service_kit::fail_point!("ack.delivered");
        let ctx = self.store.ctx(self.clock.now());
        let written =
            self.store.write(&ctx, move |db, _| mail_receipts::insert_once(db, &receipt).map(Outcome::new)).await;
        match written {
            Ok(_) => {
                service_kit::fail_point!("ack.recorded");
                self.recorded.notify_one();
                Handled::Done
            }
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Busy)) => Handled::later(error.to_string()),
            Err(error) => Handled::retry(error.to_string()),
        }
    }

    fn receipt(&self, envelope: &Envelope) -> Result<NewReceipt, Handled> {
        let (report, sent) = match envelope.event_type.as_str() {
            EmailSent::TYPE => (data_or_reject::<EmailSent>(envelope)?.0, true),
            EmailRejected::TYPE => (data_or_reject::<EmailRejected>(envelope)?.0, false),
            other => return Err(Handled::reject(format!("{other} is not a confirmation"))),
        };
        let EmailReport { event_id, event_type, message_id, reason, .. } = report;
        // What is only mailed is never logged.
        let is_to_be_logged = sent && Route::of(&event_type) == Route::MailThenLog;
        let now = self.clock.now().naive_utc();
        Ok(NewReceipt {
            event_id: event_id.to_string(),
            state: if sent { "sent" } else { "rejected" }.to_owned(),
            message_id,
            reason: reason.map(|reason| reason.chars().take(REASON_CHARS).collect()),
            received_at: now,
            due_at: is_to_be_logged.then_some(now),
        })
    }
}

#[async_trait]
impl Consumer for RecordMailReceipt {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<Handled> {
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
