//! The queue of text messages: `sms.requested`, sent outside of the request that caused it.
//!
//! An unavailable provider pauses the queue; a message that it refuses for good becomes a dead letter. A crash between the
//! provider's acceptance and the acknowledgement sends a message twice: the provider's API has no idempotency key.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, ConsumerSettings, Delivery, HandlerResult, data_or_reject, decode_or_reject};
use shared_events::catalog;
use shared_events::events::SmsRequested;
use shared_events::routing::SMS_QUEUE;

use crate::sealing::{Vault, text_message};
use crate::sms::{SmsError, SmsSender};

pub struct SendSms {
    pub sender: Arc<dyn SmsSender>,
    pub vault: Arc<Vault>,
    pub clock: SharedClock,
}

impl SendSms {
    /// A code lives ten minutes: the attempts are closer than on other queues.
    pub fn settings() -> ConsumerSettings {
        ConsumerSettings {
            time_limit: Duration::from_secs(15),
            retry_delays: [5, 30].map(Duration::from_secs).to_vec(),
            max_attempts: 6,
            ..ConsumerSettings::new(SMS_QUEUE, catalog::bindings(SMS_QUEUE))
        }
    }

    async fn send(&self, delivery: &Delivery) -> HandlerResult {
        let decoded = decode_or_reject(delivery).and_then(|envelope| data_or_reject::<SmsRequested>(&envelope));
        let SmsRequested(request) = match decoded {
            Ok(request) => request,
            Err(outcome) => return outcome,
        };
        if delivery.message.expires_at().is_some_and(|end| end <= self.clock.now()) {
            return HandlerResult::reject("it expired before it could be sent");
        }
        let Some(message) = text_message::open(&self.vault, request.user_id, &request.sealed) else {
            return HandlerResult::reject("it was not sealed with this SECRET_KEY for this user");
        };
        match self.sender.send(&message).await {
            Ok(()) => HandlerResult::Done,
            Err(SmsError::TryAgain(reason)) => HandlerResult::retry(reason),
            Err(SmsError::Refused(reason)) => HandlerResult::reject(reason),
        }
    }
}

#[async_trait]
impl Consumer for SendSms {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        join_all(deliveries.iter().map(|delivery| self.send(delivery))).await
    }

    async fn dependency(&self) -> Result<(), String> {
        self.sender.probe().await
    }
}
