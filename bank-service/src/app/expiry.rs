//! Ends holds that ran out, and sums up the others for the metrics. Each replica does this; a hold ends once. Before that, gives
//! IBANs to accounts that have none: those of the time before the ledger.

use std::time::{Duration, Instant};

use service_kit::lifecycle::Shutdown;

use crate::http::AppState;
use crate::operations::ledger::{expire_holds, refresh_held};
use crate::store::{Outcome, StoreError, accounts};

/// A hold that ran out is released within five seconds.
const EVERY: Duration = Duration::from_secs(2);
/// The most rounds of one sweep.
const ROUNDS: usize = 100;
/// The sum of held money is refreshed less often: it reads every open hold, up to a bound.
const SUM_EVERY: Duration = Duration::from_secs(30);

pub(super) async fn run(state: AppState, shutdown: Shutdown) {
    if let Err(error) = add_ibans(&state, &shutdown).await {
        tracing::warn!(%error, "accounts without an IBAN stay without one until the next start");
    }
    let mut summed: Option<Instant> = None;
    while shutdown.sleep(EVERY).await {
        if summed.is_none_or(|at| at.elapsed() >= SUM_EVERY) {
            summed = Some(Instant::now());
            if let Err(error) = refresh_held(&state.ledger).await {
                tracing::debug!(%error, "the money that is held cannot be summed up; trying again later");
            }
        }
        for _ in 0..ROUNDS {
            match expire_holds(&state.ledger, &state.ctx_anonymous()).await {
                Ok(0) => break,
                Ok(ended) => tracing::debug!(ended, "holds ran out"),
                Err(error) => {
                    tracing::warn!(%error, "holds that ran out cannot be ended; trying again later");
                    break;
                }
            }
            if shutdown.begun() {
                return;
            }
        }
    }
}

async fn add_ibans(state: &AppState, shutdown: &Shutdown) -> Result<(), StoreError> {
    let mut after = 0;
    while !shutdown.begun() {
        let add = move |db: &mut _, ctx: &_| accounts::add_ibans(db, ctx, after).map(Outcome::new);
        match state.store.write(&state.ctx_anonymous(), add).await? {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
    Ok(())
}
