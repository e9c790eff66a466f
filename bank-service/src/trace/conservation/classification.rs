//! Why a published event has not reached its end: it is young, waits, is held up, is a dead letter; or it is missing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use service_kit::messaging::InFlightReport;
use service_kit::messaging::dead_letters::{Backlog, Selection};
use shared_events::EventId;

use super::{Conservation, Ends, Followed};
use crate::domain::event_status::{EventStatus, Route, classify};
use crate::trace::{YOUNG, replies_to};

/// How often known dead letters are searched for again.
const DEAD_LETTERS_EVERY: TimeDelta = TimeDelta::seconds(10);
/// The pause before a missing event is searched for again: a consumer that did not report may have had it in flight.
const SECOND_THOUGHT: Duration = Duration::from_secs(1);
/// The longest age of an unexplained event while not every consumer reports what it has in flight.
const MAX_UNKNOWN_AGE: TimeDelta = TimeDelta::minutes(5);

impl Conservation {
    /// Classifies the events that have not reached their end. An event counts as missing only after two searches.
    pub(super) async fn classify_open(
        &mut self,
        ids: impl Iterator<Item = &EventId>,
        ends: &Ends,
        now: NaiveDateTime,
    ) -> Result<(), String> {
        let suspects = self.classify_all(&ids.copied().collect::<Vec<_>>(), ends, now).await?;
        if suspects.is_empty() {
            return Ok(());
        }
        let reports = self.tracer.peers.log_in_flight();
        for id in &suspects {
            self.followed.entry(*id).and_modify(|event| {
                event.dead_letters_checked = false;
                event.seen_in_flight.get_or_insert_with(|| reports.clone());
            });
        }
        tokio::time::sleep(SECOND_THOUGHT).await;
        let batch = suspects.iter().filter_map(|id| Some((*id, self.followed.get(id)?.clone()))).collect();
        let ends = self.ends(&batch).await?;
        self.settle(&ends);
        for id in self.classify_all(&suspects, &ends, now).await? {
            let is_settled = self.is_held_by_no_consumer(&id, now);
            let Some(event) = self.followed.get_mut(&id) else { continue };
            if !is_settled {
                event.status = EventStatus::InFlight;
                continue;
            }
            event.status = EventStatus::Unaccounted;
            tracing::error!(event_id = %id, event_type = event.event_type, "a published event is nowhere to be found");
        }
        Ok(())
    }

    /// Whether every consumer of the log's queue was idle at least once since the queue was seen without this event: then no
    /// consumer has it in flight. Consumers are counted by the broker, so a process that has ended is not waited for. In process an
    /// event is marked sent only after every queue has finished it. If not every consumer reports, `MAX_UNKNOWN_AGE` decides.
    fn is_held_by_no_consumer(&self, id: &EventId, now: NaiveDateTime) -> bool {
        let Some(event) = self.followed.get(id) else { return false };
        let reports = self.tracer.peers.log_in_flight();
        if event.route != Route::Log || (self.tracer.in_process && reports.is_empty()) {
            return true;
        }
        let seen = event.seen_in_flight.as_ref();
        let was_quiet = |report: &&InFlightReport| {
            let before = seen.and_then(|seen| seen.get(&report.replica));
            before.is_some_and(|before| report.quiet_moments > before.quiet_moments)
        };
        let quiet: Vec<u32> = reports.values().filter(was_quiet).map(|report| report.consumers).collect();
        let are_all_quiet = !quiet.is_empty() && quiet.iter().sum::<u32>() >= self.consumers;
        are_all_quiet || now - event.sent_at >= MAX_UNKNOWN_AGE
    }

    /// Records the status of these events; returns those that are missing now and were not before.
    async fn classify_all(&mut self, ids: &[EventId], ends: &Ends, now: NaiveDateTime) -> Result<Vec<EventId>, String> {
        let open: Vec<EventId> = ids.iter().copied().filter(|id| self.followed.contains_key(id)).collect();
        let old = open.iter().filter(|id| self.followed.get(id).is_some_and(|event| now - event.sent_at >= YOUNG));
        let old: Vec<EventId> = old.copied().collect();
        self.update_dead_letters(&old, now).await?;
        // A dead letter that disappeared because it was discarded is an end.
        self.settle(ends);
        let (mut reasons, mut suspects) = (BTreeMap::new(), Vec::new());
        for id in open {
            let Some(event) = self.followed.get(&id).cloned() else { continue };
            let mut evidence = self.evidence(id, &event, ends);
            evidence.is_explained = now - event.sent_at < YOUNG;
            if !evidence.is_explained && classify(event.route, &evidence) == EventStatus::Unaccounted {
                evidence.is_explained = self.is_explained(&event, now, &mut reasons).await?;
                if evidence.is_explained {
                    self.followed.entry(id).and_modify(|event| event.seen_in_flight = None);
                }
            }
            let status = classify(event.route, &evidence);
            if status == EventStatus::Unaccounted && event.status != status {
                suspects.push(id);
            } else {
                self.followed.entry(id).and_modify(|event| event.status = status);
            }
        }
        Ok(suspects)
    }

    /// Whether a temporary cause keeps an event from its end. Queried once per route and check.
    async fn is_explained(
        &mut self,
        event: &Followed,
        now: NaiveDateTime,
        queried: &mut BTreeMap<Route, (bool, Backlog)>,
    ) -> Result<bool, String> {
        let (is_held, waiting) = match queried.entry(event.route) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let waiting = self.tracer.backlog(event.route).await?;
                if event.route == Route::Log {
                    self.consumers = waiting.consumers;
                }
                *place.insert((self.tracer.is_held(event.route).await, waiting))
            }
        };
        let is_patient = event.route != Route::Log
            && !self.tracer.peers.has_email_service()
            && now - event.sent_at < MAX_UNKNOWN_AGE;
        let has_just_failed = self.failed_at.is_some_and(|at| now - at < YOUNG);
        Ok(is_held || is_patient || has_just_failed || waiting.delayed || waiting.ready)
    }

    /// Searches the dead letters for these events: at once if one was never searched for, else every `DEAD_LETTERS_EVERY`.
    async fn update_dead_letters(&mut self, old: &[EventId], now: NaiveDateTime) -> Result<(), String> {
        let Some(admin) = self.tracer.dead_letters.clone() else { return Ok(()) };
        let is_new = |id: &EventId| self.followed.get(id).is_some_and(|event| !event.dead_letters_checked);
        let is_due = self.dead_letters_checked_at.is_none_or(|last| now - last >= DEAD_LETTERS_EVERY);
        if old.is_empty() || !(is_due || old.iter().any(is_new)) {
            return Ok(());
        }
        let mut wanted_by_queue: BTreeMap<String, BTreeMap<EventId, EventId>> = BTreeMap::new();
        for id in old {
            let Some(event) = self.followed.get(id) else { continue };
            if let Some(queue) = event.route.queue() {
                wanted_by_queue.entry(queue.to_owned()).or_default().insert(*id, *id);
            }
            if event.route != Route::Log {
                let replies = wanted_by_queue.entry(self.tracer.callback_queue.clone()).or_default();
                replies.extend(replies_to(*id).into_iter().map(|reply| (reply, *id)));
            }
        }
        let mut found = BTreeSet::new();
        for (queue, ids) in wanted_by_queue {
            let wanted = Selection::These(ids.keys().copied().collect());
            let dead_letters = admin.peek(&queue, &wanted).await.map_err(|error| error.to_string())?;
            found.extend(dead_letters.iter().filter_map(|dead_letter| ids.get(&dead_letter.id())).copied());
        }
        for id in old {
            self.parked.remove(id);
            self.followed.entry(*id).and_modify(|event| event.dead_letters_checked = true);
        }
        self.parked.extend(found);
        self.dead_letters_checked_at = Some(now);
        Ok(())
    }
}
