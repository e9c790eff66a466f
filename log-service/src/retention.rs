//! Removes entries older than the retention time. Off unless `RETENTION_DAYS` is set.
//!
//! Starts at the oldest entry, in small writes with pauses, so that recording never waits long. An unavailable store is tried
//! again at the next round.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use service_kit::clock::SharedClock;
use service_kit::lifecycle::Shutdown;

use crate::store::{LogStore, StoreError};

const INTERVAL: Duration = Duration::from_mins(10);
const BATCH: i64 = 1_000;
const PAUSE: Duration = Duration::from_millis(50);

/// Runs until shutdown.
pub(crate) async fn run(store: Arc<dyn LogStore>, clock: SharedClock, keep: TimeDelta, shutdown: Shutdown) {
    loop {
        match expire(store.as_ref(), &clock, keep, &shutdown).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old entries were removed"),
            Err(error) => tracing::warn!(%error, "old entries were not removed"),
        }
        if !shutdown.sleep(INTERVAL).await {
            return;
        }
    }
}

async fn expire(
    store: &dyn LogStore,
    clock: &SharedClock,
    keep: TimeDelta,
    shutdown: &Shutdown,
) -> Result<usize, StoreError> {
    let cutoff = clock.now() - keep;
    let mut total = 0;
    loop {
        let removed = store.expire(cutoff, BATCH).await?;
        total += removed;
        if removed < usize::try_from(BATCH).unwrap_or(usize::MAX) || shutdown.begun() {
            return Ok(total);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
