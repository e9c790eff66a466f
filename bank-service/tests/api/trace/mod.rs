//! Events after their commit: dead letters, journeys and conservation.

mod confirmations;
mod conservation;
pub(crate) mod dead_letter_stub;
mod dead_letters;
mod journey;
pub(crate) mod peer_stubs;

use bank_service::store::mail_receipts::{self, NewReceipt};
use bank_service::store::{Ctx, Outcome, StoreError};
use service_kit::clock::Clock as _;
use shared_events::{Event, EventId};

use crate::harness::TestApp;

impl TestApp {
    /// Commits an event like an operation would, and returns its id.
    pub(crate) async fn commit<E: Event + Clone + Send + Sync + 'static>(&self, event: &E) -> EventId {
        self.commit_in(self.running.state.store.ctx(self.clock.now()), event).await
    }

    /// The same in a context of the test's own.
    pub(crate) async fn commit_in<E: Event + Clone + Send + Sync + 'static>(&self, ctx: Ctx, event: &E) -> EventId {
        let known: Vec<EventId> = self.events().await.iter().map(|event| event.id).collect();
        let store = &self.running.state.store;
        let event = event.clone();
        let write = move |_: &mut _, _: &_| Ok::<_, StoreError>(Outcome::new(()).event(&event));
        store.write(&ctx, write).await.unwrap();
        let now = self.events().await;
        now.iter().map(|event| event.id).find(|id| !known.contains(id)).unwrap()
    }

    /// Stores a confirmation of an event's mail, as email-service would send it.
    pub(crate) async fn confirm_mail(&self, id: EventId, state: &str, reason: Option<&str>) {
        let now = self.clock.now().naive_utc();
        let receipt = NewReceipt {
            event_id: id.to_string(),
            state: state.to_owned(),
            message_id: None,
            reason: reason.map(str::to_owned),
            received_at: now,
            due_at: None,
        };
        let store = &self.running.state.store;
        let write = move |db: &mut _, _: &_| mail_receipts::insert_once(db, &receipt).map(Outcome::new);
        assert!(store.write(&store.ctx(self.clock.now()), write).await.unwrap());
    }
}
