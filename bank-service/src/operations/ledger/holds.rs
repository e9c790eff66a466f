//! The background work on holds: ends those that ran out, and sums up the money that is held.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::command::{Command, Request, TransferError};
use super::writer::LedgerWriter;
use crate::domain::ledger::{Caller, TransferId};
use crate::domain::scope::Scope;
use crate::store::ledger::{expired, now, open_holds};
use crate::store::{Ctx, StoreError};

/// How many holds that ran out one sweep ends.
const EXPIRED_AT_ONCE: i64 = 100;
/// How many open holds are summed up; of more, those that run out first.
const SUMMED: i64 = 10_000;

/// Ends some of the holds that ran out; returns how many. Any replica may: a hold ends once.
pub async fn expire_holds(writer: &LedgerWriter, ctx: &Ctx) -> Result<usize, StoreError> {
    let asked = ctx.clone();
    let due: Vec<TransferId> = writer
        .store
        .read(move |db| {
            let now = now(db, &asked)?;
            expired(db, now, EXPIRED_AT_ONCE)
        })
        .await?;
    let caller = Caller { user_id: None, scope: Scope::All };
    let expire = |hold| Request { ctx: ctx.clone(), caller, key: None, command: Command::Expire { hold } };
    let mut ended = 0;
    for answer in join_all(due.into_iter().map(|hold| writer.post(expire(hold)))).await {
        match answer {
            Ok(_) => ended += 1,
            Err(TransferError::Store(error)) => return Err(error),
            // Another replica was first.
            Err(TransferError::Refused(_) | TransferError::Idempotency(_)) => {}
        }
    }
    Ok(ended)
}

/// Sums up what is held, for the metrics.
pub async fn refresh_held(writer: &LedgerWriter) -> Result<(), StoreError> {
    let held: Vec<(String, i64)> = writer.store.read(|db| open_holds(db, SUMMED)).await?;
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for (currency, amount) in held {
        let sum = sums.entry(currency).or_default();
        *sum = sum.saturating_add(amount.into());
    }
    writer.metrics.show_held(&sums);
    Ok(())
}
