//! MySQL and MariaDB: a pool, and transactions that start over when they lost against another one.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::TransactionManager;
use diesel::r2d2::R2D2Connection;
use mysql_async::Opts;
use tokio::sync::Semaphore;

use super::blocks::{give_back, reserve};
use super::connection::{MysqlConn, NoAnswer};
use super::group_commit::GroupCommitter;
use super::lease::MysqlLease;
use super::options;
use crate::store::outbox::{self, WithRows};
use crate::store::{Db, Ids, LeaseRow, OperationError, Sequence, StoreError};

const CONNECTIONS: u32 = 16;
const CHECKOUT: Duration = Duration::from_secs(2);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A server that has not answered a statement by then has fallen silent, or its answer was lost on the way. Longer than a
/// statement waits for a lock.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How often a transaction is run at most before its caller is told that there is too much to do.
const WRITE_ATTEMPTS: u32 = 6;
/// How often a transaction begins anew with more ids at most: each time there are more at once than before.
pub(super) const MOST_REFILLS: u32 = 10;
/// The longest pause before the next attempt doubles from here, and is cut by a random part.
const FIRST_PAUSE_US: u64 = 2_000;

#[derive(Clone)]
pub(in crate::store) struct MysqlPool {
    pool: r2d2::Pool<Connections>,
    /// One per connection: who has to wait for one waits here, and not on a thread.
    turns: Arc<Semaphore>,
    opts: Opts,
    ids: Arc<Ids>,
    group_committer: GroupCommitter,
}

impl MysqlPool {
    pub(in crate::store) fn connect(url: &str, ids: Arc<Ids>) -> Result<Self, StoreError> {
        let opts = parsed(url)?;
        let connections = Connections { opts: opts.clone() };
        // The pool hides why it cannot connect; one connection beforehand tells.
        r2d2::ManageConnection::connect(&connections)?;
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT)
            .test_on_check_out(false)
            .build(connections)
            .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        let turns = usize::try_from(CONNECTIONS).unwrap_or(1);
        Ok(Self { pool, turns: Arc::new(Semaphore::new(turns)), opts, ids, group_committer: GroupCommitter::default() })
    }

    /// A lease under a fresh holder's id.
    pub(in crate::store) fn lease(&self, name: &'static str) -> Box<dyn LeaseRow> {
        Box::new(MysqlLease::new(self.opts.clone(), name, service_kit::ids::new_uuid().to_string()))
    }

    pub(in crate::store) async fn read<T, E>(
        &self,
        f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.on_blocking_thread(|pool| f(&mut *checkout(&pool)?)).await
    }

    /// One transaction: the work, and the events that it gives.
    pub(in crate::store) async fn write<T, E>(
        &self,
        work: impl Fn(&mut Db) -> WithRows<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        let (ids, f) = (Arc::clone(&self.ids), outbox::with_events(work));
        self.on_blocking_thread(move |pool| attempts(&mut *checkout(&pool)?, &ids, f)).await
    }

    /// The same, in a transaction with others if there are any. For work that only adds rows.
    pub(in crate::store) async fn write_grouped<T, E>(
        &self,
        work: impl Fn(&mut Db) -> WithRows<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        self.group_committer.write(self, &self.ids, work).await
    }

    /// Gives ids back that were reserved and not used.
    pub(in crate::store) async fn give_back_ids(&self) {
        let left: Vec<_> =
            Sequence::ALL.into_iter().filter_map(|one| self.ids.surrender(one).map(|left| (one, left))).collect();
        if left.is_empty() {
            return;
        }
        let work = move |db: &mut Db| {
            for (sequence, block) in &left {
                give_back(db, *sequence, *block)?;
            }
            Ok::<_, StoreError>(((), Vec::new()))
        };
        if let Err(error) = self.write(work).await {
            tracing::info!(%error, "unused ids could not be given back; they are skipped");
        }
    }

    async fn on_blocking_thread<T, E>(
        &self,
        f: impl FnOnce(r2d2::Pool<Connections>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let turn = tokio::time::timeout(CHECKOUT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(StoreError::Busy)?;
        let pool = self.pool.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            f(pool)
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Unavailable { reason: fault(error) }.into()))
    }
}

/// Why a thread gave no result.
fn fault(error: tokio::task::JoinError) -> String {
    let message = error.to_string();
    match error.try_into_panic().map(Box::<dyn std::any::Any + Send>::downcast::<NoAnswer>) {
        Ok(Ok(no_answer)) => format!("the database gave no answer within {} s", no_answer.0.as_secs()),
        Ok(Err(_)) | Err(_) => message,
    }
}

/// Runs a transaction until it is through, or has lost too often.
pub(super) fn attempts<T, E: OperationError>(
    conn: &mut Db,
    ids: &Ids,
    f: impl Fn(&mut Db) -> Result<T, E>,
) -> Result<T, E> {
    let (mut lost, mut refills) = (0, 0);
    while lost < WRITE_ATTEMPTS && refills <= MOST_REFILLS {
        let error = match transaction(conn, &f) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error.store_error() {
            // Nobody was in the way: that is no attempt.
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

fn checkout(pool: &r2d2::Pool<Connections>) -> Result<r2d2::PooledConnection<Connections>, StoreError> {
    pool.get().map_err(|_| StoreError::Busy)
}

/// Begin, run, commit; on any error roll back explicitly: a lock wait time-out alone leaves the transaction open.
pub(super) fn transaction<T, E: From<StoreError>>(
    db: &mut Db,
    f: impl FnOnce(&mut Db) -> Result<T, E>,
) -> Result<T, E> {
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

/// Another replica may be reserving at the same time.
pub(super) fn refill(conn: &mut Db, ids: &Ids, sequence: Sequence, refills: u32) -> Result<(), StoreError> {
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

pub(in crate::store) fn open(url: &str) -> Result<Db, StoreError> {
    connect(&parsed(url)?, None)
}

fn parsed(url: &str) -> Result<Opts, StoreError> {
    options::parse(url).map_err(|error| StoreError::Unavailable { reason: error.to_string() })
}

fn connect(opts: &Opts, answer_limit: Option<Duration>) -> Result<Db, StoreError> {
    MysqlConn::open(opts, CONNECT_LIMIT, answer_limit)
        .map(Db::Mysql)
        .map_err(|reason| StoreError::Unavailable { reason })
}

#[derive(Debug)]
struct Connections {
    opts: Opts,
}

impl r2d2::ManageConnection for Connections {
    type Connection = Db;
    type Error = StoreError;

    fn connect(&self) -> Result<Db, StoreError> {
        connect(&self.opts, Some(ANSWER_LIMIT))
    }

    fn is_valid(&self, conn: &mut Db) -> Result<(), StoreError> {
        conn.ping().map_err(StoreError::from)
    }

    fn has_broken(&self, conn: &mut Db) -> bool {
        conn.is_broken()
    }
}
