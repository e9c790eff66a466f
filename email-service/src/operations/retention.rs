//! Removes records older than the retention time.

use std::time::Duration;

use service_kit::clock::SharedClock;
use service_kit::lifecycle::Shutdown;

use crate::store::{DeliveryStore, StoreError};

/// The records of one transaction: few, so that sending never waits long.
const BATCH: i64 = 500;
/// The batches without a pause between them.
const MAX_BATCHES: usize = 1_000;
const EVERY: Duration = Duration::from_hours(1);
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);

/// Removes old records now and every hour, until shutdown.
pub async fn enforce_retention(
    store: std::sync::Arc<dyn DeliveryStore>,
    clock: SharedClock,
    keep_days: u32,
    shutdown: Shutdown,
) {
    loop {
        match remove_expired(store.as_ref(), &clock, keep_days, &shutdown).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, keep_days, "old delivery records removed"),
            Err(error) => tracing::warn!(%error, "old delivery records cannot be removed now"),
        }
        if !shutdown.sleep(EVERY).await {
            return;
        }
    }
}

/// Removes the records that are old now, in batches; returns their number.
async fn remove_expired(
    store: &dyn DeliveryStore,
    clock: &SharedClock,
    keep_days: u32,
    shutdown: &Shutdown,
) -> Result<usize, StoreError> {
    let oldest = clock.now() - chrono::Duration::days(i64::from(keep_days));
    let mut total = 0;
    for _ in 0..MAX_BATCHES {
        let removed = store.remove_before(oldest, BATCH).await?;
        total += removed;
        if i64::try_from(removed).is_ok_and(|removed| removed < BATCH) || shutdown.begun() {
            break;
        }
        tokio::time::sleep(BETWEEN_BATCHES).await;
    }
    Ok(total)
}
