//! The relay: publishes due rows and writes their marks.
//!
//! Bounds: `WINDOW` messages in flight, `FETCH` rows a query. It wakes on commit, when a queue resumes, when a postponed row
//! becomes due, and every `POLL` as a safety net (more often where other replicas commit). While the transport is unavailable it
//! pauses, at most 2 s at a time, and spends no attempts. Rows that no queue takes are tried again later (`unrouted`). Without
//! the lease it publishes nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use prometheus::{IntCounterVec, IntGauge};
use service_kit::clock::SharedClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{Destination, Outgoing, Progress, PublishResult, Publisher};
use service_kit::telemetry::Metrics;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, error::RecvError};

use super::lease::Lease;
use super::marks::Marks;
use super::pace::Pace;
use super::unrouted::Unrouted;
use super::window::Window;
use crate::store::outbox::{self, DueRow};
use crate::store::{Store, StoreError};

const WINDOW: usize = 1024;
const FETCH: usize = 512;
const POLL: Duration = Duration::from_secs(1);
/// A commit by another replica does not wake this process.
const POLL_SHARED: Duration = Duration::from_millis(100);
/// How long a shutdown waits for messages in flight; rows not settled by then are published again by the next leader.
const FINISH: Duration = Duration::from_secs(5);

pub struct RelayParts {
    pub store: Store,
    pub publisher: Arc<dyn Publisher>,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
}

pub struct Relay {
    parts: RelayParts,
    committed: Arc<Notify>,
    resumed: broadcast::Receiver<String>,
    window: Window,
    marks: Marks,
    pace: Pace,
    unrouted: Unrouted,
    poll: Duration,
    published: IntCounterVec,
    in_flight: IntGauge,
    leading_since: IntGauge,
}

/// The event that woke the relay.
enum Wake {
    Due,
    Settled(i64, PublishResult),
    Resumed(Option<String>),
    Leading,
    Stop,
}

impl Relay {
    pub fn new(parts: RelayParts) -> Self {
        let published = parts.metrics.counter("bank_outbox_publish_total", "Publishes by result.", &["result"]);
        let in_flight = parts.metrics.gauge("bank_outbox_in_flight", "Events being published.", &[]);
        let since = "Since when this process publishes the outbox; 0 while it does not.";
        let leading_since = parts.metrics.gauge("bank_outbox_relay_leader_since_timestamp_seconds", since, &[]);
        Self {
            committed: parts.store.committed(),
            resumed: parts.publisher.resumed(),
            window: Window::new(parts.publisher.clone()),
            marks: Marks::new(parts.store.clone(), parts.clock.clone()),
            pace: Pace::new(),
            unrouted: Unrouted::new(&parts.metrics),
            poll: POLL,
            published,
            in_flight: in_flight.with_label_values::<&str>(&[]),
            leading_since: leading_since.with_label_values::<&str>(&[]),
            parts,
        }
    }

    /// Runs until shutdown; then waits for the messages in flight, marks them and gives up the lease.
    pub async fn run(mut self) {
        let row = self.parts.store.lease("outbox-relay");
        if row.is_some() {
            self.poll = POLL_SHARED;
        }
        let mut lease = Lease::start(row, &self.parts.metrics);
        let (mut leading, mut due) = (false, false);
        loop {
            let held = lease.is_held();
            if held != leading {
                self.leading_since.set(if held { self.parts.clock.now().timestamp() } else { 0 });
            }
            if held && !leading {
                // A row that waited for a queue when the last leader ended is due again.
                self.resume(None).await;
                due = true;
            }
            leading = held;
            if leading && due {
                self.fetch(&lease).await;
            }
            match self.wake(&mut lease, leading).await {
                Wake::Stop => break,
                Wake::Leading => {}
                Wake::Due => {
                    self.pace.try_again();
                    due = true;
                }
                Wake::Resumed(queue) => {
                    self.resume(queue.as_deref()).await;
                    due = true;
                }
                Wake::Settled(id, publish_result) => {
                    self.settle_some(id, publish_result, lease.is_held()).await;
                    // Fetch again once there is room for a full fetch, but not while the transport is unavailable.
                    due = self.pace.pause().is_none() && self.window.len() + FETCH <= WINDOW;
                }
            }
        }
        self.finish().await;
        lease.give_up().await;
        self.leading_since.set(0);
    }

    /// Publishes all due rows, with or without the lease, and returns once they are settled and marked. For tests and tools.
    pub async fn drain(&mut self) -> Result<usize, StoreError> {
        let lease = Lease::of_nobody();
        let mut settled = 0;
        loop {
            self.fetch(&lease).await;
            if self.window.is_idle() {
                return Ok(settled);
            }
            while let Some((id, publish_result)) = self.window.settled().await {
                self.settle(id, publish_result);
                settled += 1;
            }
            self.flush().await;
            if self.pace.pause().is_some() {
                return Ok(settled);
            }
        }
    }

    async fn wake(&mut self, lease: &mut Lease, leading: bool) -> Wake {
        let pause = self.pace.pause();
        let idle = match pause {
            Some(pause) => pause,
            None if leading => self.until_next_due().await,
            None => POLL,
        };
        tokio::select! {
            biased;
            () = self.parts.shutdown.wait() => Wake::Stop,
            Some((id, receipt)) = self.window.settled(), if !self.window.is_idle() => Wake::Settled(id, receipt),
            queue = self.resumed.recv(), if leading => Wake::Resumed(resumed_queue(queue)),
            () = self.committed.notified(), if leading && pause.is_none() => Wake::Due,
            () = lease.gained(), if !leading => Wake::Leading,
            () = tokio::time::sleep(idle) => Wake::Due,
        }
    }

    async fn until_next_due(&mut self) -> Duration {
        if !self.window.is_idle() {
            return self.poll;
        }
        let now = self.parts.clock.now();
        let next = self.parts.store.read(move |db| outbox::next_due(db, now.naive_utc())).await;
        match next {
            Ok(Some(due)) => {
                (due.and_utc() - now).to_std().unwrap_or_default().clamp(Duration::from_millis(1), self.poll)
            }
            Ok(None) | Err(_) => self.poll,
        }
    }

    async fn fetch(&mut self, lease: &Lease) {
        let room = WINDOW.saturating_sub(self.window.len()).min(FETCH);
        if room == 0 {
            return;
        }
        self.window.during(self.unrouted.retry(&self.marks, self.parts.clock.now())).await;
        let (now, under_way) = (self.parts.clock.now().naive_utc(), self.window.ids());
        let reading = self.parts.store.read(move |db| outbox::due_except(db, now, room, &under_way));
        match self.window.during(reading).await {
            Ok(rows) => {
                for row in rows {
                    // Reading may have outlasted the lease.
                    if lease.is_held() && !service_kit::passed_over!(row.id) {
                        self.publish(row);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read; trying again");
                self.pace.slow_down();
            }
        }
    }

    fn publish(&mut self, row: DueRow) {
        service_kit::fail_point!("relay.claimed");
        let Some(message) = self.parts.store.message_of(&row) else {
            tracing::error!(event_id = %row.event_id, "an outbox row cannot be read; it is tried again in an hour");
            self.marks.corrupt(row.id, row.progress);
            return;
        };
        let progress: Progress =
            row.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        self.window.add(row.id, Outgoing { message, destination: Destination::Exchange, progress });
        self.show_in_flight();
    }

    /// Settles this row and all others that are ready, so that one transaction marks many rows.
    async fn settle_some(&mut self, id: i64, publish_result: PublishResult, held: bool) {
        if !held {
            self.window.abandon_waiting();
        }
        self.settle(id, publish_result);
        while !self.marks.is_full() {
            let Some((id, publish_result)) = self.window.settled_now() else { break };
            self.settle(id, publish_result);
        }
        self.flush().await;
    }

    fn settle(&mut self, id: i64, publish_result: PublishResult) {
        let result = match publish_result {
            PublishResult::Accepted => {
                self.pace.is_back();
                self.marks.sent(id);
                self.window.advance(id);
                "accepted"
            }
            PublishResult::Later { after, progress, waiting_for, reason } => {
                self.pace.is_back();
                tracing::debug!(outbox_id = id, %reason, "an event will be published again later");
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                self.marks.later(id, after, &progress, waiting_for);
                self.window.advance(id);
                "later"
            }
            PublishResult::Unrouted { after, reason } => {
                self.pace.is_back();
                tracing::debug!(outbox_id = id, %reason, "an event was returned");
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                self.marks.returned(id, after, self.window.must_be_routed(id));
                self.window.advance(id);
                "returned"
            }
            PublishResult::Unavailable { reason } => {
                self.window.abandon(id);
                // A stop makes the transport unavailable before the relay: nothing to warn of.
                if self.pace.pause().is_none() && !self.parts.shutdown.begun() {
                    tracing::warn!(%reason, "the transport is unavailable; events stay in the outbox");
                    self.pace.slow_down();
                }
                "unavailable"
            }
        };
        self.published.with_label_values(&[result]).inc();
        self.show_in_flight();
    }

    /// Writes the marks. A row leaves the window only once its mark is written, so this process does not publish it twice.
    async fn flush(&mut self) {
        let Some(written) = self.window.during(self.marks.flush()).await else { return };
        for id in written.ids {
            self.window.release(id);
        }
        self.show_in_flight();
        self.unrouted.found(&written.unrouted);
        if let Err(error) = written.result {
            tracing::warn!(%error, "marks cannot be written; the events will be published again");
            self.pace.slow_down();
        }
        // Without this, rows marked after their queue had resumed would wait for an event that has passed.
        for queue in written.queues {
            if !self.parts.publisher.is_paused(&queue) {
                self.resume(Some(&queue)).await;
            }
        }
    }

    async fn resume(&mut self, queue: Option<&str>) {
        self.marks.resume(queue).await;
        self.unrouted.try_again();
        self.pace.try_again();
    }

    /// Begins no publish; waits for the messages in flight and marks them.
    async fn finish(&mut self) {
        self.window.abandon_waiting();
        let deadline = tokio::time::Instant::now() + FINISH;
        while let Ok(Some((id, publish_result))) = tokio::time::timeout_at(deadline, self.window.settled()).await {
            self.settle(id, publish_result);
        }
        self.flush().await;
    }

    fn show_in_flight(&self) {
        self.in_flight.set(i64::try_from(self.window.len()).unwrap_or(i64::MAX));
    }
}

/// A receiver that lagged treats all queues as resumed.
fn resumed_queue(received: Result<String, RecvError>) -> Option<String> {
    received.ok()
}
