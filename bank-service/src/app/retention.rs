//! Removes expired rows, a few at a time, and rotates the signing keys.

use std::time::Duration;

use chrono::TimeDelta;
use service_kit::lifecycle::Shutdown;

use super::KeyWatch;
use crate::http::AppState;
use crate::store::{
    Outcome, StoreError, counters, idempotency, login_devices, one_time_secrets, outbox, refresh_tokens,
    second_factors, sessions, stream_tickets, unrouted,
};

const EVERY: Duration = Duration::from_mins(1);
/// The most rounds of one sweep, so that it ends however much there is to remove.
const ROUNDS: usize = 100;

pub(super) async fn run(state: AppState, key_watch: KeyWatch, shutdown: Shutdown) {
    while shutdown.sleep(EVERY).await {
        key_watch.check().await;
        if shutdown.begun() {
            return;
        }
        tend_keys(&state).await;
        drop_unrouted(&state).await;
        for _ in 0..ROUNDS {
            match sweep(&state).await {
                Ok(0) => break,
                Ok(removed) => tracing::debug!(removed, "old rows removed"),
                Err(error) => {
                    tracing::warn!(%error, "old rows cannot be removed; trying again later");
                    break;
                }
            }
            if shutdown.begun() {
                return;
            }
        }
    }
}

async fn tend_keys(state: &AppState) {
    let max_age = TimeDelta::days(i64::from(state.settings.config.signing_key_max_age_days));
    if let Err(error) = state.identity.keys().tend(max_age).await {
        tracing::warn!(%error, "the signing keys cannot be maintained; trying again later");
    }
}

/// Drops events that no queue took within `OUTBOX_RETENTION_DAYS`: the only rows removed without having been published.
async fn drop_unrouted(state: &AppState) {
    let before = kept_since(state);
    let (mut dropped, mut is_done) = (0, false);
    for _ in 0..ROUNDS {
        let sweep = move |db: &mut _, _: &_| unrouted::sweep(db, before).map(Outcome::new);
        match state.store.write(&state.ctx_anonymous(), sweep).await {
            Ok(0) => is_done = true,
            Ok(removed) => dropped += removed,
            Err(error) => {
                tracing::warn!(%error, "old unrouted events cannot be removed; trying again later");
                is_done = true;
            }
        }
        if is_done {
            break;
        }
    }
    if dropped > 0 {
        let days = state.settings.config.outbox_retention_days;
        tracing::error!(dropped, days, "events were removed that were never published: no queue took them in time");
    }
}

fn kept_since(state: &AppState) -> chrono::NaiveDateTime {
    let kept = TimeDelta::days(i64::from(state.settings.config.outbox_retention_days));
    (state.ctx_anonymous().now - kept).naive_utc()
}

async fn sweep(state: &AppState) -> Result<usize, StoreError> {
    let ctx = state.ctx_anonymous();
    let sent_before = kept_since(state);
    state
        .store
        .write(&ctx, move |db, ctx| {
            let events = outbox::sweep(db, sent_before)?;
            let keys = idempotency::sweep(db, ctx)?;
            let ended = sessions::sweep(db, ctx)? + one_time_secrets::sweep(db, ctx)?;
            let ended = ended + stream_tickets::sweep(db, ctx)?;
            let ended = ended + second_factors::sweep(db, ctx)? + refresh_tokens::sweep_answers(db, ctx)?;
            let counted = counters::sweep(db, ctx)? + login_devices::sweep(db, ctx)?;
            Ok(Outcome::new(events + keys + ended + counted))
        })
        .await
}
