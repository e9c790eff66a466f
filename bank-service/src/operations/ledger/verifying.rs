//! The check of the ledger while the service runs: it reads on a connection of its own, and writes checkpoints as everything else
//! is written.

use crate::store::ledger::{Depth, Step, Verification, Verifier, keep_checkpoints};
use crate::store::{Ctx, DatabaseUrl, Db, Outcome, Store, StoreError, existing};

/// Checks the ledger, and keeps how far it is sound.
pub async fn verify(store: &Store, ctx: &Ctx, url: DatabaseUrl, depth: Depth) -> Result<Verification, StoreError> {
    let mut db = blocking(move || existing::open(&url)).await?;
    let mut verifier = Verifier::new(depth);
    loop {
        let step;
        (verifier, db, step) = blocking(move || one_step(verifier, db)).await?;
        match step {
            Step::Done => return Ok(verifier.found()),
            Step::Checked(checked) if checked.is_empty() => {}
            Step::Checked(checked) => {
                store.write(ctx, move |db, _| keep_checkpoints(db, &checked).map(Outcome::new)).await?;
            }
        }
    }
}

fn one_step(mut verifier: Verifier, mut db: Db) -> Result<(Verifier, Db, Step), StoreError> {
    let step = verifier.step(&mut db)?;
    Ok((verifier, db, step))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Unavailable { reason: error.to_string() }))
}
