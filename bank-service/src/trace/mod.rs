//! Follows events after their commit: dead letters, the journey of one event, and the conservation check over all of them.
//!
//! This module is not on the path of an event. A source that does not answer in time counts as unknown; no answer is waited for
//! longer than a few seconds, and every read is bounded.

mod conservation;
mod dead_letter_view;
mod dead_letters;
mod event_view;
mod flow;
mod flow_filter;
mod journey;
mod peer_clients;
mod searches;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use service_kit::clock::SharedClock;
use service_kit::messaging::DeadLetterAdmin;
use service_kit::messaging::dead_letters::Backlog;
use shared_events::EventId;
use shared_events::events::{EmailRejected, EmailSent, Event as _};

use crate::domain::event_status::{MailAnswer, Route};
use crate::store::Store;
use crate::store::event_trace::ReceiptRow;

pub use conservation::Conservation;
pub use dead_letter_view::{DeadLetterDetail, DeadLetterView};
pub use dead_letters::{
    DeadLetterError, DeadLetterRequest, MAX_REASON_CHARS, apply_to_dead_letters, check_queue, expected_result,
    known_queues,
};
pub use event_view::EventView;
pub use flow::{Flow, FlowPage, MAX_ROWS};
pub use flow_filter::{FlowFilter, FlowRow};
pub use journey::{
    ActionStep, DeadLetterStep, DeliveryState, DeliveryStep, Journey, LogStep, MailStep, PublishState, PublishStep,
};
pub use peer_clients::{MailDelivery, PeerClients, PeerClientsParts};

/// The age up to which an event counts as on its way: its consumers have not had the time to finish it.
const YOUNG: TimeDelta = TimeDelta::seconds(4);

/// The sources of all data on events.
#[derive(Clone)]
pub struct Tracer {
    pub store: Store,
    pub clock: SharedClock,
    pub peers: PeerClients,
    /// None: there is no transport, and so no dead letter.
    pub dead_letters: Option<Arc<dyn DeadLetterAdmin>>,
    pub callback_queue: String,
    /// Whether the transport reports an event as sent only after every queue has finished it.
    pub in_process: bool,
}

/// The possible event ids of the confirmation of an event's mail.
fn replies_to(event: EventId) -> BTreeSet<EventId> {
    BTreeSet::from([event.derive(EmailSent::TYPE), event.derive(EmailRejected::TYPE)])
}

fn mail_answer(receipt: &ReceiptRow) -> MailAnswer {
    if receipt.state == "sent" { MailAnswer::Sent } else { MailAnswer::Rejected }
}

impl Tracer {
    /// The route of an event type, given the types that log-service takes.
    fn route(&self, event_type: &str) -> Route {
        match Route::of(event_type) {
            Route::Log if !self.peers.log_takes(event_type) => Route::Untracked,
            route => route,
        }
    }

    /// The processes of log-service that have reported, by name.
    pub fn log_replicas(&self) -> Vec<String> {
        self.peers.log_in_flight().into_keys().collect()
    }

    /// Whether a dead letter in this queue keeps an event of this route from its end.
    fn is_on_the_way(&self, route: Route, queue: &str) -> bool {
        route.queue() == Some(queue) || (route != Route::Log && queue == self.callback_queue)
    }

    /// Whether mails wait because email-service reports that it cannot send.
    async fn is_held(&self, route: Route) -> bool {
        route != Route::Log && self.peers.can_mail().await == Some(false)
    }

    /// The backlog of a route: of its own queue, and of the queue for the confirmations of its mails.
    async fn backlog(&self, route: Route) -> Result<Backlog, String> {
        let (Some(admin), Some(queue)) = (&self.dead_letters, route.queue()) else { return Ok(Backlog::default()) };
        let waiting = admin.backlog(queue).await.map_err(|error| error.to_string())?;
        if route == Route::Log {
            return Ok(waiting);
        }
        let replies = admin.backlog(&self.callback_queue).await.map_err(|error| error.to_string())?;
        Ok(Backlog {
            ready: waiting.ready || replies.ready,
            delayed: waiting.delayed || replies.delayed,
            consumers: waiting.consumers,
        })
    }
}

/// A time with microseconds, as response bodies show it.
pub(crate) fn at(time: chrono::NaiveDateTime) -> String {
    time.and_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
