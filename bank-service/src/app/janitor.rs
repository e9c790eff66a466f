//! Removes what is too old to be needed, a little at a time, and looks after the signing keys.

use std::time::Duration;

use chrono::TimeDelta;
use service_kit::lifecycle::Shutdown;

use crate::http::AppState;
use crate::store::{Outcome, StoreError, idempotency, one_time_secrets, outbox, second_factors, sessions};

const EVERY: Duration = Duration::from_mins(1);
/// A sweep goes on while there is much to remove, but not for ever.
const ROUNDS: usize = 100;

pub(super) async fn run(state: AppState, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        tend_keys(&state).await;
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
    if let Err(error) = state.security.keys().tend(max_age).await {
        tracing::warn!(%error, "the signing keys cannot be looked after; trying again later");
    }
}

async fn sweep(state: &AppState) -> Result<usize, StoreError> {
    let ctx = state.ctx_anonymous();
    let kept = TimeDelta::days(i64::from(state.settings.config.outbox_retention_days));
    let sent_before = (ctx.now - kept).naive_utc();
    state
        .store
        .write(&ctx, move |db, ctx| {
            let events = outbox::sweep(db, sent_before)?;
            let keys = idempotency::sweep(db, ctx)?;
            let ended = sessions::sweep(db, ctx)? + one_time_secrets::sweep(db, ctx)?;
            let ended = ended + second_factors::sweep(db, ctx)?;
            Ok(Outcome::new(events + keys + ended))
        })
        .await
}
