//! The relay: due rows out, marks back.
//!
//! Bounds: `WINDOW` messages under way, `FETCH` rows a query. It wakes on commit, when a queue resumes, when a postponed row
//! becomes due, and every `POLL` as a safety net. While the transport is away it pauses, up to `LONGEST_PAUSE`, and spends no
//! attempts.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use prometheus::{IntCounterVec, IntGauge};
use service_kit::clock::SharedClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{Destination, Outgoing, Progress, Publisher, Receipt};
use service_kit::telemetry::Metrics;
use shared_events::WireMessage;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::store::outbox::{self, DueRow, Mark};
use crate::store::{Outcome, Store, StoreError};

const WINDOW: usize = 1024;
const FETCH: usize = 256;
const MARKS: usize = 512;
const POLL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A row that cannot be read is looked at again after this time; it stays visible as waiting until somebody acts.
const CORRUPT_DELAY: TimeDelta = TimeDelta::hours(1);

pub struct RelayParts {
    pub store: Store,
    pub publisher: Arc<dyn Publisher>,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
}

type Publishing = FuturesUnordered<BoxFuture<'static, (i64, Receipt)>>;

pub struct Relay {
    parts: RelayParts,
    committed: Arc<Notify>,
    resumed: broadcast::Receiver<String>,
    under_way: HashSet<i64>,
    publishing: Publishing,
    marks: Vec<(i64, Mark)>,
    /// Zero: the transport is there, as far as is known.
    pause: Duration,
    next_pause: Duration,
    published: IntCounterVec,
    in_flight: IntGauge,
}

/// What woke the relay.
enum Wake {
    Due,
    Settled(i64, Receipt),
    Resumed(Option<String>),
    Stop,
}

impl Relay {
    pub fn new(parts: RelayParts) -> Self {
        let published = parts.metrics.counter("outbox_publish_total", "Publishes by result.", &["result"]);
        let in_flight = parts.metrics.gauge("outbox_in_flight", "Events being published.", &[]);
        Self {
            committed: parts.store.committed(),
            resumed: parts.publisher.resumed(),
            under_way: HashSet::new(),
            publishing: Publishing::new(),
            marks: Vec::new(),
            pause: Duration::ZERO,
            next_pause: FIRST_PAUSE,
            published,
            in_flight: in_flight.with_label_values::<&str>(&[]),
            parts,
        }
    }

    /// Runs until shutdown; then waits for what is under way and marks it.
    pub async fn run(mut self) {
        // What waited for a queue when the process ended does not wait any more.
        self.resume(None).await;
        let mut due = true;
        loop {
            if due {
                self.fetch().await;
            }
            match self.wake().await {
                Wake::Stop => break,
                Wake::Due => {
                    self.pause = Duration::ZERO;
                    due = true;
                }
                Wake::Resumed(queue) => {
                    self.resume(queue.as_deref()).await;
                    due = true;
                }
                Wake::Settled(id, receipt) => {
                    self.settle(id, receipt);
                    self.settle_ready();
                    self.flush().await;
                    // Fetch again once there is room for a good number of rows, but not into a transport that is away.
                    due = self.pause.is_zero() && self.under_way.len() + FETCH <= WINDOW;
                }
            }
        }
        self.finish().await;
    }

    /// Publishes everything that is due now, and returns when it is settled and marked. For tests and tools.
    pub async fn drain(&mut self) -> Result<usize, StoreError> {
        let mut settled = 0;
        loop {
            self.fetch().await;
            if self.publishing.is_empty() {
                return Ok(settled);
            }
            while let Some((id, receipt)) = self.publishing.next().await {
                self.settle(id, receipt);
                settled += 1;
            }
            self.flush().await;
            if !self.pause.is_zero() {
                return Ok(settled);
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let idle = if self.pause.is_zero() { self.until_next_due().await } else { self.pause };
        let paused = !self.pause.is_zero();
        tokio::select! {
            biased;
            () = self.parts.shutdown.wait() => Wake::Stop,
            Some((id, receipt)) = self.publishing.next(), if !self.publishing.is_empty() => Wake::Settled(id, receipt),
            queue = self.resumed.recv() => Wake::Resumed(resumed_queue(queue)),
            () = self.committed.notified(), if !paused => Wake::Due,
            () = tokio::time::sleep(idle) => Wake::Due,
        }
    }

    async fn until_next_due(&mut self) -> Duration {
        if !self.publishing.is_empty() {
            return POLL;
        }
        let now = self.parts.clock.now();
        let next = self.parts.store.read(move |db| outbox::next_due(db, now.naive_utc())).await;
        match next {
            Ok(Some(due)) => (due.and_utc() - now).to_std().unwrap_or_default().clamp(Duration::from_millis(1), POLL),
            Ok(None) | Err(_) => POLL,
        }
    }

    async fn fetch(&mut self) {
        let room = WINDOW.saturating_sub(self.under_way.len()).min(FETCH);
        if room == 0 {
            return;
        }
        let limit = i64::try_from(self.under_way.len() + room).unwrap_or(i64::MAX);
        let now = self.parts.clock.now().naive_utc();
        match self.parts.store.read(move |db| outbox::due(db, now, limit)).await {
            Ok(rows) => {
                let new: Vec<DueRow> =
                    rows.into_iter().filter(|row| !self.under_way.contains(&row.id)).take(room).collect();
                for row in new {
                    self.publish(row);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read; trying again");
                self.slow_down();
            }
        }
    }

    fn publish(&mut self, row: DueRow) {
        let Ok(message) = serde_json::from_str::<WireMessage>(&row.message) else {
            tracing::error!(event_id = %row.event_id, "an outbox row cannot be read; it is looked at again in an hour");
            let due_at = (self.parts.clock.now() + CORRUPT_DELAY).naive_utc();
            let progress = row.progress.unwrap_or_else(|| "{}".to_owned());
            self.marks.push((row.id, Mark::Later { due_at, progress, waiting_for: None }));
            return;
        };
        let progress: Progress =
            row.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let publisher = self.parts.publisher.clone();
        let outgoing = Outgoing { message, destination: Destination::Exchange, progress };
        self.under_way.insert(row.id);
        self.publishing.push(Box::pin(async move { (row.id, publisher.publish(outgoing).await) }));
        self.show_in_flight();
    }

    /// Takes what else has settled in the meantime, so that one transaction marks many rows.
    fn settle_ready(&mut self) {
        while self.marks.len() < MARKS {
            let next = futures_util::FutureExt::now_or_never(self.publishing.next());
            let Some(Some((id, receipt))) = next else { break };
            self.settle(id, receipt);
        }
    }

    fn settle(&mut self, id: i64, receipt: Receipt) {
        let result = match receipt {
            Receipt::Accepted => {
                self.is_back();
                self.marks.push((id, Mark::Sent));
                "accepted"
            }
            Receipt::Later { after, progress, waiting_for, reason } => {
                self.is_back();
                tracing::debug!(outbox_id = id, %reason, "an event will be published again later");
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                let due_at = self.parts.clock.now().checked_add_signed(after).unwrap_or_else(|| self.parts.clock.now());
                let progress = serde_json::to_string(&progress).unwrap_or_else(|_| "{}".to_owned());
                self.marks.push((id, Mark::Later { due_at: due_at.naive_utc(), progress, waiting_for }));
                "later"
            }
            Receipt::Unavailable { reason } => {
                self.under_way.remove(&id);
                if self.pause.is_zero() {
                    tracing::warn!(%reason, "the transport is away; events stay in the outbox");
                    self.slow_down();
                }
                "unavailable"
            }
        };
        self.published.with_label_values(&[result]).inc();
        self.show_in_flight();
    }

    /// Writes the marks. A row leaves the window only once its mark is written, so it is not published twice by this process.
    async fn flush(&mut self) {
        if self.marks.is_empty() {
            return;
        }
        let marks = std::mem::take(&mut self.marks);
        let ids: Vec<i64> = marks.iter().map(|(id, _)| *id).collect();
        let paused: Vec<String> = marks.iter().filter_map(|(_, mark)| waiting_for(mark)).collect();
        let ctx = self.parts.store.ctx(self.parts.clock.now());
        let written = self
            .parts
            .store
            .write(&ctx, move |db, ctx| outbox::mark(db, ctx.now_naive(), &marks).map(Outcome::new))
            .await;
        for id in ids {
            self.under_way.remove(&id);
        }
        self.show_in_flight();
        if let Err(error) = written {
            tracing::warn!(%error, "marks cannot be written; the events will be published again");
            self.slow_down();
        }
        // A queue that resumed while its rows were being marked would otherwise be waited for in vain.
        for queue in paused {
            if !self.parts.publisher.is_paused(&queue) {
                self.resume(Some(&queue)).await;
            }
        }
    }

    async fn resume(&mut self, queue: Option<&str>) {
        let queue = queue.map(str::to_owned);
        let ctx = self.parts.store.ctx(self.parts.clock.now());
        let resumed = self
            .parts
            .store
            .write(&ctx, move |db, ctx| outbox::resume(db, ctx.now_naive(), queue.as_deref()).map(Outcome::new))
            .await;
        match resumed {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "events that waited for a queue are published again"),
            Err(error) => {
                tracing::warn!(%error, "waiting events cannot be resumed; they go on when their time has come");
            }
        }
        self.pause = Duration::ZERO;
    }

    async fn finish(&mut self) {
        while let Some((id, receipt)) = self.publishing.next().await {
            self.settle(id, receipt);
        }
        self.flush().await;
    }

    fn slow_down(&mut self) {
        self.pause = self.next_pause;
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
    }

    fn is_back(&mut self) {
        self.pause = Duration::ZERO;
        self.next_pause = FIRST_PAUSE;
    }

    fn show_in_flight(&self) {
        self.in_flight.set(i64::try_from(self.under_way.len()).unwrap_or(i64::MAX));
    }
}

fn waiting_for(mark: &Mark) -> Option<String> {
    match mark {
        Mark::Later { waiting_for, .. } => waiting_for.clone(),
        Mark::Sent => None,
    }
}

/// A receiver that lagged takes all queues as resumed.
fn resumed_queue(received: Result<String, RecvError>) -> Option<String> {
    received.ok()
}
