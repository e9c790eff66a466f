//! Conservation, watched while the system runs: every event that was published ends in the log, as a mail, as a dead letter
//! or is on its way. One that is none of these is missing, and shows within seconds.
//!
//! Every [`EVERY`] the rows that were sent since the last look are compared with what the log and the receipts know. What is
//! not at its end is followed until it is. If a peer cannot be asked, the look is repeated as a whole: nobody is accused on
//! hearsay, and nothing is passed over. What waits in a queue, for its next attempt, or in a consumer's hands is not missing,
//! however long that lasts: a machine that is busy makes nobody look guilty. Bounds: 10,000 rows a look, 2,000 followed events, the last 15 minutes at start.
//! What happens to rows that become visible more than [`SETTLE`] late is not seen; it is a watch, not the guarantee.

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

use super::peer_clients::LOOKUP;
use super::{Tracer, mail_answer, replies_to};
use crate::domain::event_status::{EventStatus, Evidence, Route, classify};
use crate::store::StoreError;
use crate::store::event_trace::{self, ReceiptRow, SentRow};
use crate::store::{dead_letter_actions, unrouted};
use counts::Counts;

const EVERY: Duration = Duration::from_secs(2);
/// A mark is visible so long after its own time; younger rows are left for the next look.
const SETTLE: TimeDelta = TimeDelta::seconds(2);
const START_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Batches of new rows a look takes at most.
const ROUNDS: usize = 20;
const MAX_FOLLOWED: usize = 2000;
/// Rows that wait to be published are counted up to here.
const MAX_WAITING: i64 = 10_001;

/// An event that is not at its end.
#[derive(Debug, Clone)]
struct Followed {
    event_type: String,
    route: Route,
    sent_at: NaiveDateTime,
    status: EventStatus,
    /// Whether it was looked for among the dead letters.
    dead_letters_checked: bool,
    /// What log-service's processes told of their hands when the queue was first seen without it.
    seen_in_flight: Option<BTreeMap<String, InFlightReport>>,
}

/// The watch. One per process that publishes.
pub struct Conservation {
    tracer: Tracer,
    counts: Counts,
    /// Sent time and row id of the last row that was looked at.
    position: (NaiveDateTime, i64),
    followed: BTreeMap<EventId, Followed>,
    parked: BTreeSet<EventId>,
    dead_letters_checked_at: Option<NaiveDateTime>,
    /// When something could not be asked. What a peer had in hand when it went comes again, and has to be given time.
    failed_at: Option<NaiveDateTime>,
    /// How many consumers the log's queue has.
    consumers: u32,
    types: BTreeSet<String>,
}

/// What a batch of events was found to be.
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

    /// Looks again and again until shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut was_up = true;
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
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

    /// One look. An error says what could not be asked; nothing is taken as seen then.
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
        self.check_new_rows(now).await?;
        self.check_followed(now).await?;
        self.count_waiting().await?;
        self.show();
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

    /// What the log, the receipts and the operators' record know of these events.
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

    /// Counts what is at its end and follows it no longer.
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
}

/// None: an event that nobody keeps a record of, or a row that is not one.
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
