//! `push.requested`: a notification to one device.
//!
//! The token is read from the database when the notification is sent, so a token that has moved to another user meanwhile gets
//! none. A device whose token the push service does not know is removed. A notification may arrive twice, never at a wrong user.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, ConsumerSettings, Delivery, HandlerResult, data_or_reject, decode_or_reject};
use shared_events::catalog;
use shared_events::events::{PushRequest, PushRequested};
use shared_events::routing::PUSH_QUEUE;

use crate::identity::IdentityService;
use crate::identity::devices::{forget_device, place};
use crate::push::{Notification, PushError, PushSender};
use crate::store::{Store, StoreError, devices};

pub struct SendPush {
    pub store: Store,
    pub clock: SharedClock,
    pub identity: IdentityService,
    pub sender: Arc<dyn PushSender>,
}

impl SendPush {
    pub fn settings() -> ConsumerSettings {
        ConsumerSettings::new(PUSH_QUEUE, catalog::bindings(PUSH_QUEUE))
    }

    async fn send(&self, delivery: &Delivery) -> HandlerResult {
        let read = decode_or_reject(delivery)
            .and_then(|envelope| data_or_reject::<PushRequested>(&envelope).map(|data| (envelope.id, data.0)));
        let (event_id, request) = match read {
            Ok(read) => read,
            Err(outcome) => return outcome,
        };
        let (user, device) = (request.user_id, request.device);
        let kept = match self.store.read(move |db| devices::sealed_push_token(db, user, device)).await {
            Ok(Some(kept)) => kept,
            Ok(None) => return HandlerResult::Skipped,
            Err(error) => return retry(&error),
        };
        let (sealed, hash) = kept;
        let Ok(token) = self.identity.vault().open(place(&device.to_string()), &sealed) else {
            return HandlerResult::reject("the push token was sealed with another SECRET_KEY");
        };
        let Ok(token) = String::from_utf8(token) else { return HandlerResult::reject("the push token is damaged") };
        let sent = self.sender.send(&token, &notification(event_id.to_string(), &request)).await;
        self.settle(sent, request, hash).await
    }

    async fn settle(&self, sent: Result<(), PushError>, request: PushRequest, hash: String) -> HandlerResult {
        match sent {
            Ok(()) => HandlerResult::Done,
            Err(PushError::Unregistered) => self.forget(request, hash).await,
            Err(error @ PushError::Refused(_)) => HandlerResult::reject(error.to_string()),
            Err(error @ (PushError::Transient(_) | PushError::Unavailable(_))) => {
                HandlerResult::retry(error.to_string())
            }
        }
    }

    async fn forget(&self, request: PushRequest, hash: String) -> HandlerResult {
        let ctx = self.store.ctx(self.clock.now()).by(request.user_id);
        let forgotten =
            self.store.write(&ctx, move |db, _| forget_device(db, request.user_id, request.device, &hash)).await;
        match forgotten {
            Ok(_) => HandlerResult::Done,
            Err(error) => retry(&error),
        }
    }
}

fn retry(error: &StoreError) -> HandlerResult {
    HandlerResult::retry(error.to_string())
}

fn notification(event_id: String, request: &PushRequest) -> Notification {
    Notification { event_id, title: request.title.clone(), body: request.body.clone(), data: request.data.clone() }
}

#[async_trait]
impl Consumer for SendPush {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            outcomes.push(self.send(delivery).await);
        }
        outcomes
    }

    async fn dependency(&self) -> Result<(), String> {
        self.store.ping().await.map_err(|error: StoreError| error.to_string())?;
        self.sender.probe().await
    }
}
