//! The newest events with their states, as lists show them.
//!
//! One read costs one query of the outbox, one lookup in the log and, for events that should have reached their end, a search of
//! the dead letters, which is repeated for one event every [`RECHECK`] at most. An event whose end is not known is `in_flight`
//! here, and `late` after [`LATE`]; its journey tells whether it is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use futures_util::future::join_all;
use service_kit::messaging::DeadLetter;
use service_kit::messaging::dead_letters::Selection;
use shared_events::{EventId, WireMessage};

use super::flow_filter::{FlowFilter, FlowRow};
use super::peer_clients::Logged;
use super::searches::Searches;
use super::{Tracer, YOUNG, at, mail_answer, replies_to};
use crate::domain::event_status::{EventStatus, Evidence, Route, classify};
use crate::store::StoreError;
use crate::store::dead_letter_actions;
use crate::store::event_list::{self, EventPage, EventRow};
use crate::store::event_trace::{self, ReceiptRow};

/// The most events of one read: with these the page of the console stays below 60 KB.
pub const MAX_ROWS: i64 = 40;
/// How long the dead letters may take for one read.
const DEAD_LETTERS_LIMIT: Duration = Duration::from_secs(3);
/// The age at which an event should have ended: a consumer has 30 s for one attempt.
const LATE: TimeDelta = TimeDelta::seconds(30);

/// A page of events, the newest first.
#[derive(Debug, Clone, Default)]
pub struct FlowPage {
    pub rows: Vec<FlowRow>,
    /// The row before which older events are read.
    pub older: Option<i64>,
    /// Why log-service could not be asked; the state of logged events is then `in_flight`.
    pub log_fault: Option<String>,
}

/// Reads the newest events. Clones share what the last searches of the dead letters found.
#[derive(Clone)]
pub struct Flow {
    tracer: Tracer,
    searched: Arc<Mutex<Searches>>,
}

/// A row of the outbox and what its message says.
struct Event {
    id: EventId,
    row: EventRow,
    item_id: Option<i64>,
    user_id: Option<i64>,
    request_id: Option<String>,
    message: String,
    route: Route,
}

/// The recorded ends of a page of events.
struct Ends {
    receipts: BTreeMap<String, ReceiptRow>,
    discarded: Vec<(String, String)>,
    logged: BTreeMap<EventId, Logged>,
    parked: BTreeSet<EventId>,
}

impl Flow {
    pub fn new(tracer: Tracer) -> Self {
        Self { tracer, searched: Arc::default() }
    }

    /// The newest events that match, at most [`MAX_ROWS`] of the last [`event_list::WINDOW`] rows.
    pub async fn newest(&self, filter: &FlowFilter) -> Result<FlowPage, StoreError> {
        let in_store = filter.in_store();
        let read = move |db: &mut _| {
            let page = event_list::newest(db, &in_store, MAX_ROWS)?;
            let ids: Vec<String> = page.rows.iter().map(|row| row.event_id.clone()).collect();
            let receipts = event_trace::receipts(db, &ids)?;
            let discarded = dead_letter_actions::discarded_among(db, &with_replies(&page.rows))?;
            Ok::<_, StoreError>((page, receipts, discarded))
        };
        let (EventPage { rows, older }, receipts, discarded) = self.tracer.store.read(read).await?;
        let events: Vec<Event> = rows.into_iter().filter_map(|row| self.event(row)).collect();
        let to_log: Vec<EventId> =
            events.iter().filter(|event| event.route.ends_in_the_log()).map(|event| event.id).collect();
        let (logged, log_fault) = match self.tracer.peers.logged(&to_log).await {
            Ok(logged) => (logged, None),
            Err(fault) => (BTreeMap::new(), Some(fault)),
        };
        let receipts = receipts.into_iter().map(|receipt| (receipt.event_id.clone(), receipt)).collect();
        let mut ends = Ends { receipts, discarded, logged, parked: BTreeSet::new() };
        ends.parked = self.parked(&events, &ends).await;
        let rows = events.into_iter().map(|event| self.row(event, &ends)).filter(|row| filter.takes(row)).collect();
        Ok(FlowPage { rows, older, log_fault })
    }

    /// None: the row cannot be read.
    fn event(&self, row: EventRow) -> Option<Event> {
        let id = row.event_id.parse().ok()?;
        let envelope = serde_json::from_str::<WireMessage>(&row.message).ok()?.decode().ok()?;
        let body = envelope.body;
        Some(Event {
            id,
            item_id: body.data.get("id").and_then(serde_json::Value::as_i64),
            user_id: body.user_id.map(i64::from),
            request_id: envelope.correlation_id,
            message: body.message,
            route: self.tracer.route(&row.event_type),
            row,
        })
    }

    /// Those of the events that are dead letters. Events that are young or have ended are none.
    async fn parked(&self, events: &[Event], ends: &Ends) -> BTreeSet<EventId> {
        let Some(admin) = &self.tracer.dead_letters else { return BTreeSet::new() };
        let now = self.tracer.clock.now().naive_utc();
        let is_old = |event: &&Event| event.row.sent_at.is_some_and(|sent| now - sent >= YOUNG);
        let open: Vec<&Event> =
            events.iter().filter(is_old).filter(|event| !self.status(event, ends).is_end()).collect();
        let mut wanted: BTreeMap<String, BTreeSet<EventId>> = BTreeMap::new();
        let begun = Instant::now();
        let due: Vec<&Event> = open.iter().copied().filter(|event| self.searches().is_due(event.id, begun)).collect();
        for event in &due {
            let Some(queue) = event.route.queue() else { continue };
            wanted.entry(queue.to_owned()).or_default().insert(event.id);
            if event.route != Route::Log {
                wanted.entry(self.tracer.callback_queue.clone()).or_default().extend(replies_to(event.id));
            }
        }
        let peeks =
            wanted.into_iter().map(|(queue, ids)| async move { admin.peek(&queue, &Selection::These(ids)).await });
        // What cannot be searched now is searched again after the same time.
        let peeked = tokio::time::timeout(DEAD_LETTERS_LIMIT, join_all(peeks)).await.unwrap_or_default();
        let found: Vec<DeadLetter> = peeked.into_iter().filter_map(Result::ok).flatten().collect();
        let dead: BTreeSet<EventId> = found.iter().map(DeadLetter::id).collect();
        let result = |event: &Event| (event.id, dead.contains(&event.id) || !replies_to(event.id).is_disjoint(&dead));
        let mut searches = self.searches();
        searches.remember(due.into_iter().map(result), Instant::now());
        open.iter().map(|event| event.id).filter(|id| searches.is_parked(*id)).collect()
    }

    fn searches(&self) -> MutexGuard<'_, Searches> {
        self.searched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, event: &Event, ends: &Ends) -> EventStatus {
        let receipt = ends.receipts.get(&event.row.event_id);
        let is_of = |text: &str| {
            event.row.event_id == text || replies_to(event.id).iter().any(|reply| reply.to_string() == text)
        };
        let mut discarded = ends.discarded.iter();
        let is_discarded = discarded.any(|(text, queue)| self.tracer.is_on_the_way(event.route, queue) && is_of(text));
        let evidence = Evidence {
            is_sent: event.row.sent_at.is_some(),
            is_unrouted: event.row.unrouted_at.is_some(),
            mail: receipt.map(mail_answer),
            is_posting: receipt.is_some_and(|receipt| receipt.due_at.is_some()),
            is_logged: Some(ends.logged.contains_key(&event.id)),
            is_parked: ends.parked.contains(&event.id),
            is_discarded,
            is_explained: true,
        };
        classify(event.route, &evidence)
    }

    fn row(&self, event: Event, ends: &Ends) -> FlowRow {
        let status = self.status(&event, ends);
        let receipt = ends.receipts.get(&event.row.event_id);
        let committed = event.row.created_at;
        let logged_at = ends.logged.get(&event.id).and_then(|logged| time_of(&logged.received_at));
        let age = self.tracer.clock.now().naive_utc() - event.row.sent_at.unwrap_or(committed);
        let ms = |time: Option<NaiveDateTime>| time.map(|time| (time - committed).num_milliseconds().max(0));
        let is_open = matches!(status, EventStatus::InFlight | EventStatus::Waiting);
        FlowRow {
            number: event.row.number,
            item_id: event.item_id,
            user_id: event.user_id,
            request_id: event.request_id,
            message: event.message,
            state: status.as_str(),
            is_broken: matches!(status, EventStatus::Rejected | EventStatus::Parked | EventStatus::Unrouted),
            is_late: is_open && age >= LATE,
            committed_at: at(committed),
            published_ms: ms(event.row.sent_at),
            confirmed_ms: ms(receipt.map(|receipt| receipt.received_at)),
            logged_ms: ms(logged_at),
            event_id: event.row.event_id,
            event_type: event.row.event_type,
        }
    }
}

fn with_replies(rows: &[EventRow]) -> Vec<String> {
    let ids = rows.iter().filter_map(|row| row.event_id.parse::<EventId>().ok());
    ids.flat_map(|id| replies_to(id).into_iter().chain([id])).map(|id| id.to_string()).collect()
}

fn time_of(text: &str) -> Option<NaiveDateTime> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.naive_utc())
}
