//! The conservation check, which runs while the system does: every published event ends in the log, as a mail, as a dead letter
//! or is on its way. An event that is none of these is missing, and is reported within seconds.
//!
//! Every [`EVERY`] the rows that were sent since the last check are compared with the log and the receipts. Events that have not
//! reached their end are followed until they do. If a peer cannot be queried, the whole check is repeated: no event is reported
//! missing on incomplete data, and none is skipped. An event that waits in a queue or for its next attempt, or that a consumer
//! has in flight, is not missing, however long that lasts, so load alone raises no alarm. Bounds: 10,000 rows a check, 2,000
//! followed events, the last 15 minutes at start. Rows that become visible more than [`SETTLE`] late are not checked: the check
//! is a monitor, not the guarantee.

mod classification;
mod counts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use prometheus::IntGaugeVec;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::InFlightReport;
use service_kit::telemetry::Metrics;
use shared_events::EventId;
use shared_events::routing::{EMAIL_QUEUE, LOG_QUEUE};

use super::peer_clients::LOOKUP;
use super::{Tracer, mail_answer, replies_to};
use crate::domain::event_status::{EventStatus, Evidence, Route, classify};
use crate::store::StoreError;
use crate::store::event_trace::{self, ReceiptRow, SentRow};
use crate::store::{dead_letter_actions, unrouted};
use counts::Counts;

const EVERY: Duration = Duration::from_secs(2);
/// How late a mark may become visible; younger rows are left to the next check.
const SETTLE: TimeDelta = TimeDelta::seconds(2);
const START_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// The most batches of new rows that one check reads.
const ROUNDS: usize = 20;
const MAX_FOLLOWED: usize = 2000;
/// The bound of counting rows that wait to be published.
const MAX_WAITING: i64 = 10_001;

/// An event that has not reached its end.
#[derive(Debug, Clone)]
struct Followed {
    event_type: String,
    route: Route,
    sent_at: NaiveDateTime,
    status: EventStatus,
    /// Whether the dead letters were searched for it.
    dead_letters_checked: bool,
    /// The in-flight reports of log-service's processes when the queue was first seen without it.
    seen_in_flight: Option<BTreeMap<String, InFlightReport>>,
}

/// The conservation check; one per process that publishes.
pub struct Conservation {
    tracer: Tracer,
    counts: Counts,
    /// Sent time and row id of the last row that was checked.
    position: (NaiveDateTime, i64),
    followed: BTreeMap<EventId, Followed>,
    parked: BTreeSet<EventId>,
    dead_letters_checked_at: Option<NaiveDateTime>,
    /// When a query last failed. Messages that a stopped peer had in flight are delivered again, which takes time.
    failed_at: Option<NaiveDateTime>,
    /// The number of consumers of the log's queue.
    consumers: u32,
    types: BTreeSet<String>,
}

/// The recorded ends of a batch of events.
struct Ends {
    logged: BTreeSet<EventId>,
    receipts: BTreeMap<String, ReceiptRow>,
    discarded: Vec<(String, String)>,
}

impl Conservation {
    pub fn new(tracer: Tracer, metrics: &Metrics) -> Self {
        let start = (tracer.clock.now() - START_WINDOW).naive_utc();
        Self {
            tracer,
            counts: Counts::new(metrics),
            position: (start, i64::MAX),
            followed: BTreeMap::new(),
            parked: BTreeSet::new(),
            dead_letters_checked_at: None,
            failed_at: None,
            consumers: 0,
            types: BTreeSet::new(),
        }
    }

    /// Checks every [`EVERY`] until shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut was_up = true;
        while shutdown.sleep(EVERY).await {
            let checked = tokio::select! {
                () = shutdown.wait() => return,
                checked = self.check() => checked,
            };
            if let Err(reason) = &checked
                && was_up
            {
                tracing::info!(reason, "the conservation of events cannot be watched; trying again");
            }
            was_up = checked.is_ok();
        }
    }

    /// One check. An error names the failed query; the rows of that batch are read again by the next check.
    pub async fn check(&mut self) -> Result<(), String> {
        let checked = self.check_all().await;
        if checked.is_err() {
            self.failed_at = Some(self.tracer.clock.now().naive_utc());
        }
        self.counts.up.with_label_values::<&str>(&[]).set(checked.is_ok().into());
        checked
    }

    async fn check_all(&mut self) -> Result<(), String> {
        let now = self.tracer.clock.now().naive_utc();
        // Needs no peer, and is not to stand still while one is unavailable.
        self.count_waiting().await?;
        self.check_new_rows(now).await?;
        self.check_followed(now).await?;
        self.show();
        self.show_oldest(now);
        Ok(())
    }

    async fn check_new_rows(&mut self, now: NaiveDateTime) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let room = MAX_FOLLOWED.saturating_sub(self.followed.len()).min(LOOKUP);
            let limit = i64::try_from(room).unwrap_or_default();
            let (position, until) = (self.position, now - SETTLE);
            let read = move |db: &mut _| event_trace::sent_after(db, position, until, limit);
            let rows = self.tracer.store.read(read).await.map_err(error_text)?;
            let Some(last) = rows.last().map(|row| (row.sent_at, row.id)) else { return Ok(()) };
            let is_full = rows.len() >= room;
            let batch: BTreeMap<EventId, Followed> = rows.into_iter().filter_map(followed).collect();
            let ends = self.ends(&batch).await?;
            self.position = last;
            for (id, event) in batch {
                self.counts.committed.with_label_values(&[event.event_type.as_str()]).inc();
                self.types.insert(event.event_type.clone());
                self.followed.insert(id, event);
            }
            self.settle(&ends);
            if !is_full {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn check_followed(&mut self, now: NaiveDateTime) -> Result<(), String> {
        let all: Vec<(EventId, Followed)> = self.followed.clone().into_iter().collect();
        for batch in all.chunks(LOOKUP) {
            let batch: BTreeMap<EventId, Followed> = batch.iter().cloned().collect();
            let ends = self.ends(&batch).await?;
            self.settle(&ends);
            self.classify_open(batch.keys(), &ends, now).await?;
        }
        Ok(())
    }

    /// The records of the log, the receipts and the operators' actions on these events.
    async fn ends(&self, batch: &BTreeMap<EventId, Followed>) -> Result<Ends, String> {
        let to_log: Vec<EventId> =
            batch.iter().filter(|(_, event)| event.route.ends_in_the_log()).map(|(id, _)| *id).collect();
        let logged = self.tracer.peers.logged(&to_log).await?.into_keys().collect();
        let mailed: Vec<String> =
            batch.iter().filter(|(_, event)| event.route != Route::Log).map(|(id, _)| id.to_string()).collect();
        let with_replies: Vec<String> = batch
            .iter()
            .flat_map(|(id, event)| {
                let replies = if event.route == Route::Log { BTreeSet::new() } else { replies_to(*id) };
                replies.into_iter().chain([*id])
            })
            .map(|id| id.to_string())
            .collect();
        let read = move |db: &mut _| {
            Ok::<_, StoreError>((
                event_trace::receipts(db, &mailed)?,
                dead_letter_actions::discarded_among(db, &with_replies)?,
            ))
        };
        let (receipts, discarded) = self.tracer.store.read(read).await.map_err(error_text)?;
        let receipts = receipts.into_iter().map(|receipt| (receipt.event_id.clone(), receipt)).collect();
        Ok(Ends { logged, receipts, discarded })
    }

    fn evidence(&self, id: EventId, event: &Followed, ends: &Ends) -> Evidence {
        let receipt = ends.receipts.get(&id.to_string());
        let is_of = |text: &str| id.to_string() == text || replies_to(id).iter().any(|reply| reply.to_string() == text);
        let mut discarded = ends.discarded.iter();
        let is_discarded = discarded.any(|(text, queue)| self.tracer.is_on_the_way(event.route, queue) && is_of(text));
        Evidence {
            is_sent: true,
            is_unrouted: false,
            mail: receipt.map(mail_answer),
            is_posting: receipt.is_some_and(|receipt| receipt.due_at.is_some()),
            is_logged: Some(ends.logged.contains(&id)),
            is_parked: self.parked.contains(&id),
            is_discarded,
            is_explained: true,
        }
    }

    /// Counts the events that have reached their end, and stops following them.
    fn settle(&mut self, ends: &Ends) {
        let classified: Vec<(EventId, EventStatus)> = self
            .followed
            .iter()
            .map(|(id, event)| (*id, classify(self.tracer.route(&event.event_type), &self.evidence(*id, event, ends))))
            .filter(|(_, status)| status.is_end() || *status == EventStatus::Untracked)
            .collect();
        for (id, status) in classified {
            if let Some(event) = self.followed.remove(&id) {
                self.parked.remove(&id);
                self.counts.ended.with_label_values(&[event.event_type.as_str(), status.as_str()]).inc();
            }
        }
    }

    async fn count_waiting(&mut self) -> Result<(), String> {
        let read = |db: &mut _| {
            let waiting = event_trace::waiting_types(db, MAX_WAITING)?;
            let oldest = if waiting.is_empty() { None } else { event_trace::oldest_waiting(db)? };
            Ok::<_, StoreError>((waiting, oldest, unrouted::types(db, MAX_WAITING)?))
        };
        let (waiting, oldest, unrouted) = self.tracer.store.read(read).await.map_err(error_text)?;
        self.types.extend(waiting.iter().chain(&unrouted).cloned());
        let age = oldest.map_or(0, |committed| (self.tracer.clock.now().naive_utc() - committed).num_seconds().max(0));
        self.counts.oldest.with_label_values::<&str>(&[]).set(age);
        self.show_by_type(&self.counts.waiting, &waiting);
        self.show_by_type(&self.counts.unrouted, &unrouted);
        Ok(())
    }

    fn show_by_type(&self, gauge: &IntGaugeVec, found: &[String]) {
        let mut counts: BTreeMap<&str, i64> = self.types.iter().map(|kind| (kind.as_str(), 0)).collect();
        for kind in found {
            *counts.entry(kind.as_str()).or_default() += 1;
        }
        for (kind, count) in counts {
            gauge.with_label_values(&[kind]).set(count);
        }
    }

    fn show(&self) {
        for kind in &self.types {
            let of_type = |statuses: &[EventStatus]| {
                let events = self.followed.values();
                let matching = events.filter(|event| event.event_type == *kind && statuses.contains(&event.status));
                i64::try_from(matching.count()).unwrap_or(i64::MAX)
            };
            self.counts
                .in_flight
                .with_label_values(&[kind])
                .set(of_type(&[EventStatus::InFlight, EventStatus::Unknown]));
            self.counts.parked.with_label_values(&[kind]).set(of_type(&[EventStatus::Parked]));
            self.counts.unaccounted.with_label_values(&[kind]).set(of_type(&[EventStatus::Unaccounted]));
        }
    }

    fn show_oldest(&self, now: NaiveDateTime) {
        for queue in [LOG_QUEUE, EMAIL_QUEUE] {
            let of_queue = self.followed.values().filter(|event| event.route.queue() == Some(queue));
            let in_flight =
                of_queue.filter(|event| matches!(event.status, EventStatus::InFlight | EventStatus::Unknown));
            let oldest = in_flight.map(|event| event.sent_at).min();
            let age = oldest.map_or(0, |sent_at| (now - sent_at).num_seconds().max(0));
            self.counts.oldest_in_flight.with_label_values(&[queue]).set(age);
        }
    }
}

/// None: no service keeps a record of the event, or the row cannot be read.
fn followed(row: SentRow) -> Option<(EventId, Followed)> {
    let route = Route::of(&row.event_type);
    let id = row.event_id.parse().ok()?;
    let (event_type, sent_at, status) = (row.event_type, row.sent_at, EventStatus::InFlight);
    let followed = Followed { event_type, route, sent_at, status, dead_letters_checked: false, seen_in_flight: None };
    (route != Route::Untracked).then_some((id, followed))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn error_text(error: StoreError) -> String {
    error.to_string()
}
