//! The journey of one event: the tables, the dead letters and the other services are queried concurrently.

mod answer;
mod steps;

use std::time::Duration;

use futures_util::future::join_all;
use service_kit::messaging::DeadLetter;
use service_kit::messaging::dead_letters::{Backlog, Selection};
use shared_events::EventId;
use shared_events::catalog::queues_of;

use super::peer_clients::{Logged, MailDelivery};
use super::{Tracer, YOUNG, mail_answer, replies_to};
use crate::domain::event_status::{EventStatus, Evidence, Route, classify};
use crate::store::StoreError;
use crate::store::dead_letter_actions::{self, Action};
use crate::store::event_trace::{self, ReceiptRow, TracedRow};

pub use answer::{
    ActionStep, DeadLetterStep, DeliveryState, DeliveryStep, Journey, LogStep, MailStep, PublishState, PublishStep,
};

/// The time limit for reading the dead letters.
const DEAD_LETTERS_LIMIT: Duration = Duration::from_secs(5);

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
        Ok(Some(steps::journey(found, route, classify(route, &evidence).as_str())))
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
            is_explained: found.is_young || found.dead_letters.is_none() || steps::is_being_mailed(found),
        }
    }
}
