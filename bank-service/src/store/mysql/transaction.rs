//! Transactions that start over when they lost a conflict, or when no ids are left.

use std::time::Duration;

use diesel::connection::TransactionManager;

use super::blocks::reserve;
use crate::store::work::{Failure, Value};
use crate::store::{Db, Ids, Sequence, StoreError};

/// The most attempts of a transaction before its caller gets [`StoreError::Busy`].
const WRITE_ATTEMPTS: u32 = 6;
/// The most restarts of a transaction for want of ids: each restart finds more of them than the one before.
const MOST_REFILLS: u32 = 10;
/// The longest pause before a retry is this, doubled for each attempt so far; a random part of up to half is cut off.
const FIRST_PAUSE_US: u64 = 2_000;

/// Runs a transaction until it commits, or has lost too often.
pub(super) fn attempts(
    conn: &mut Db,
    ids: &Ids,
    f: impl Fn(&mut Db) -> Result<Value, Failure>,
) -> Result<Value, Failure> {
    let (mut lost, mut refills) = (0, 0);
    while lost < WRITE_ATTEMPTS && refills <= MOST_REFILLS {
        let error = match transaction(conn, &f) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error.store_error() {
            // A lack of ids is no conflict and counts as no attempt.
            Some(StoreError::IdsExhausted(sequence)) => {
                refills += 1;
                refill(conn, ids, *sequence, refills)?;
            }
            Some(known) if known.is_retryable() && lost + 1 < WRITE_ATTEMPTS => {
                lost += 1;
                pause(lost);
            }
            _ => return Err(error),
        }
    }
    Err(StoreError::Busy.into())
}

/// Begin, run, commit; on any error roll back explicitly: a lock wait time-out alone leaves the transaction open.
fn transaction<T, E: From<StoreError>>(db: &mut Db, f: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
    Db::begin_transaction(db).map_err(StoreError::from)?;
    match f(db) {
        Ok(value) => {
            Db::commit_transaction(db).map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = Db::rollback_transaction(db) {
                tracing::warn!(error = %rollback, "a rollback failed; the connection is dropped");
            }
            Err(error)
        }
    }
}

/// Retries, since another replica may be reserving at the same time.
fn refill(conn: &mut Db, ids: &Ids, sequence: Sequence, refills: u32) -> Result<(), StoreError> {
    ids.refill(sequence, refills, |block| {
        let mut reserved = Err(StoreError::Busy);
        for attempt in 1..=WRITE_ATTEMPTS {
            reserved = transaction(conn, |db| reserve(db, sequence, block));
            if !reserved.as_ref().is_err_and(StoreError::is_retryable) {
                break;
            }
            pause(attempt);
        }
        reserved
    })
}

fn pause(attempt: u32) {
    let longest = FIRST_PAUSE_US << attempt;
    let [random] = service_kit::ids::random_bytes::<1>();
    std::thread::sleep(Duration::from_micros(longest / 2 + longest * u64::from(random) / 512));
}
