//! Ends holds that ran out. Each replica does this; a hold ends once. Before that, gives IBANs to accounts that have none: those of
//! the time before the ledger.

use std::time::Duration;

use service_kit::lifecycle::Shutdown;

use crate::http::AppState;
use crate::operations::ledger::expire_holds;
use crate::store::{Outcome, StoreError, accounts};

/// A hold that ran out is released within five seconds.
const EVERY: Duration = Duration::from_secs(2);
/// The most rounds of one sweep.
const ROUNDS: usize = 100;

pub(super) async fn run(state: AppState, shutdown: Shutdown) {
    if let Err(error) = add_ibans(&state, &shutdown).await {
        tracing::warn!(%error, "accounts without an IBAN stay without one until the next start");
    }
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
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
