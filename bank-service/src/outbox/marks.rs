//! Publish results, written back to the rows in few transactions.

use chrono::TimeDelta;
use service_kit::clock::SharedClock;
use service_kit::messaging::Progress;

use crate::store::outbox::{self, Mark};
use crate::store::unrouted;
use crate::store::{Ctx, Outcome, Store, StoreError};

/// How many marks one transaction writes.
const MARKS: usize = 512;
/// A row that cannot be read is tried again after this time; it stays counted as waiting until an operator acts.
const CORRUPT_DELAY: TimeDelta = TimeDelta::hours(1);

pub(super) struct Marks {
    store: Store,
    clock: SharedClock,
    collected: Vec<(i64, Mark)>,
}

/// One batch of marks, written or failed.
pub(super) struct Written {
    pub(super) ids: Vec<i64>,
    /// The queues that the marked rows now wait for.
    pub(super) queues: Vec<String>,
    /// The types of the events that are unrouted from now on, one entry per row.
    pub(super) unrouted: Vec<String>,
    pub(super) result: Result<(), StoreError>,
}

impl Marks {
    pub(super) fn new(store: Store, clock: SharedClock) -> Self {
        Self { store, clock, collected: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.collected.len() >= MARKS
    }

    pub(super) fn sent(&mut self, id: i64) {
        self.collected.push((id, Mark::Sent));
    }

    pub(super) fn later(&mut self, id: i64, after: TimeDelta, progress: &Progress, waiting_for: Option<String>) {
        let now = self.clock.now();
        let due_at = now.checked_add_signed(after).unwrap_or(now).naive_utc();
        let progress = serde_json::to_string(progress).unwrap_or_else(|_| "{}".to_owned());
        self.collected.push((id, Mark::Later { due_at, progress, waiting_for }));
    }

    /// Marks a row that the transport returned because no queue takes it.
    pub(super) fn returned(&mut self, id: i64, after: TimeDelta, must_be_routed: bool) {
        let now = self.clock.now();
        let due_at = now.checked_add_signed(after).unwrap_or(now).naive_utc();
        self.collected.push((id, Mark::Returned { due_at, must_be_routed }));
    }

    /// Marks a row that cannot be read.
    pub(super) fn corrupt(&mut self, id: i64, progress: Option<String>) {
        let due_at = (self.clock.now() + CORRUPT_DELAY).naive_utc();
        let progress = progress.unwrap_or_else(|| "{}".to_owned());
        self.collected.push((id, Mark::Later { due_at, progress, waiting_for: None }));
    }

    /// Writes the collected marks in one transaction; `None` if there are none.
    pub(super) async fn flush(&mut self) -> Option<Written> {
        if self.collected.is_empty() {
            return None;
        }
        let marks = std::mem::take(&mut self.collected);
        let ids = marks.iter().map(|(id, _)| *id).collect();
        let queues = marks.iter().filter_map(|(_, mark)| waiting_for(mark)).collect();
        service_kit::fail_point!("relay.confirmed");
        let ctx = self.store.ctx(self.clock.now());
        let write = move |db: &mut _, ctx: &Ctx| outbox::mark(db, ctx.now_naive(), &marks).map(Outcome::new);
        let result = self.store.write(&ctx, write).await;
        service_kit::fail_point!("relay.marked", if result.is_ok());
        let (unrouted, result) = match result {
            Ok(unrouted) => (unrouted, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        Some(Written { ids, queues, unrouted, result })
    }

    /// Makes the rows that wait for this queue due at once; `None`: for any queue.
    pub(super) async fn resume(&self, queue: Option<&str>) {
        let queue = queue.map(str::to_owned);
        let ctx = self.store.ctx(self.clock.now());
        let write =
            move |db: &mut _, ctx: &Ctx| outbox::resume(db, ctx.now_naive(), queue.as_deref()).map(Outcome::new);
        match self.store.write(&ctx, write).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "events that waited for a queue are published again"),
            Err(error) => {
                tracing::warn!(%error, "waiting events cannot be resumed; they go on when their time has come");
            }
        }
    }
}

impl Marks {
    /// Makes a page of unrouted rows due; returns where the next page begins, `None` after the last one.
    pub(super) async fn retry_unrouted(&self, after: i64) -> Result<Option<i64>, StoreError> {
        let ctx = self.store.ctx(self.clock.now());
        let write = move |db: &mut _, _: &Ctx| unrouted::release(db, None, after).map(Outcome::new);
        Ok(self.store.write(&ctx, write).await?.next)
    }
}

fn waiting_for(mark: &Mark) -> Option<String> {
    match mark {
        Mark::Later { waiting_for, .. } => waiting_for.clone(),
        Mark::Sent | Mark::Returned { .. } => None,
    }
}
