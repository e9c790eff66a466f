//! The pool of connections, each used on a blocking thread.

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::R2D2Connection;
use mysql_async::Opts;
use tokio::sync::Semaphore;

use super::connection::{MysqlConn, NoAnswer};
use super::options;
use crate::store::{Db, StoreError};

const CONNECTIONS: u32 = 16;
const CHECKOUT: Duration = Duration::from_secs(2);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest wait for an answer; after it the server counts as silent, or its answer as lost. Longer than a statement waits for
/// a lock.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// Clones share the connections.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pool: r2d2::Pool<Connections>,
    /// One permit per connection: a caller without a connection waits here, and not on a thread.
    turns: Arc<Semaphore>,
}

impl ConnectionPool {
    pub(super) fn connect(opts: Opts) -> Result<Self, StoreError> {
        let connections = Connections { opts };
        // The pool hides why it cannot connect; connecting once beforehand reports the error.
        r2d2::ManageConnection::connect(&connections)?;
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT)
            .test_on_check_out(false)
            .build(connections)
            .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        let turns = usize::try_from(CONNECTIONS).unwrap_or(1);
        Ok(Self { pool, turns: Arc::new(Semaphore::new(turns)) })
    }

    /// Runs `f` with a connection, as soon as one is free.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let turn = tokio::time::timeout(CHECKOUT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(StoreError::Busy)?;
        let pool = self.pool.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            f(&mut *checkout(&pool)?)
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Unavailable { reason: fault(error) }.into()))
    }
}

/// The reason why a thread returned no result.
fn fault(error: tokio::task::JoinError) -> String {
    let message = error.to_string();
    match error.try_into_panic().map(Box::<dyn std::any::Any + Send>::downcast::<NoAnswer>) {
        Ok(Ok(no_answer)) => format!("the database gave no answer within {} s", no_answer.0.as_secs()),
        Ok(Err(_)) | Err(_) => message,
    }
}

fn checkout(pool: &r2d2::Pool<Connections>) -> Result<r2d2::PooledConnection<Connections>, StoreError> {
    pool.get().map_err(|_| StoreError::Busy)
}

pub(in crate::store) fn open(url: &str) -> Result<Db, StoreError> {
    connect(&parsed(url)?, None)
}

pub(super) fn parsed(url: &str) -> Result<Opts, StoreError> {
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
