//! The pool of connections, each used on a blocking thread.

use std::sync::{Arc, Mutex, PoisonError};
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
    failure: Arc<LastFailure>,
    /// One permit per connection: a caller without a connection waits here, and not on a thread.
    turns: Arc<Semaphore>,
}

impl ConnectionPool {
    pub(super) fn connect(opts: Opts) -> Result<Self, StoreError> {
        let connections = Connections { opts, failure: Arc::default() };
        // The pool hides why it cannot connect; connecting once beforehand reports the error.
        r2d2::ManageConnection::connect(&connections)?;
        let failure = Arc::clone(&connections.failure);
        let pool = builder().build(connections);
        let pool = pool.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        Ok(Self::of(pool, failure))
    }

    fn of(pool: r2d2::Pool<Connections>, failure: Arc<LastFailure>) -> Self {
        let turns = usize::try_from(CONNECTIONS).unwrap_or(1);
        Self { pool, failure, turns: Arc::new(Semaphore::new(turns)) }
    }

    /// Fails at once while no connection is open and the last attempt to open one failed.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            Some(reason) if self.pool.state().connections == 0 => Err(StoreError::Unavailable { reason }),
            _ => Ok(()),
        }
    }

    /// Runs `f` with a connection, as soon as one is free.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let turn = tokio::time::timeout(CHECKOUT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(|| self.refusal())?;
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            f(&mut *this.checkout()?)
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Unavailable { reason: fault(error) }.into()))
    }

    fn checkout(&self) -> Result<r2d2::PooledConnection<Connections>, StoreError> {
        self.pool.get().map_err(|_| self.refusal())
    }

    /// Why a caller got no connection in time: none can be opened, or all are in use.
    fn refusal(&self) -> StoreError {
        match self.failure.get() {
            Some(reason) => StoreError::Unavailable { reason },
            None if self.pool.state().connections == 0 => {
                StoreError::Unavailable { reason: format!("no connection was opened within {} s", CHECKOUT.as_secs()) }
            }
            None => StoreError::Busy,
        }
    }
}

fn builder() -> r2d2::Builder<Connections> {
    r2d2::Pool::builder().max_size(CONNECTIONS).min_idle(Some(1)).connection_timeout(CHECKOUT).test_on_check_out(false)
}

/// Why the last attempt to open a connection failed; none after one that succeeded. The pool would give the reason to
/// one of its callers only, and a time-out to all others.
#[derive(Debug, Default)]
struct LastFailure(Mutex<Option<String>>);

impl LastFailure {
    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
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

pub(in crate::store) fn open(url: &str) -> Result<Db, StoreError> {
    opened(MysqlConn::open(&parsed(url)?, CONNECT_LIMIT, None))
}

pub(super) fn parsed(url: &str) -> Result<Opts, StoreError> {
    options::parse(url).map_err(|error| StoreError::Unavailable { reason: error.to_string() })
}

fn opened(connection: Result<MysqlConn, String>) -> Result<Db, StoreError> {
    connection.map(Db::Mysql).map_err(|reason| StoreError::Unavailable { reason })
}

#[derive(Debug)]
struct Connections {
    opts: Opts,
    failure: Arc<LastFailure>,
}

impl r2d2::ManageConnection for Connections {
    type Connection = Db;
    type Error = StoreError;

    fn connect(&self) -> Result<Db, StoreError> {
        let connection = MysqlConn::open(&self.opts, CONNECT_LIMIT, Some(ANSWER_LIMIT));
        self.failure.set(connection.as_ref().err().cloned());
        opened(connection)
    }

    fn is_valid(&self, conn: &mut Db) -> Result<(), StoreError> {
        conn.ping().map_err(StoreError::from)
    }

    fn has_broken(&self, conn: &mut Db) -> bool {
        conn.is_broken()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn callers_learn_that_the_server_cannot_be_reached_and_not_that_it_is_busy() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let opts = parsed(&format!("mysql://bank:hunter2@{nobody}/bank")).unwrap();
        let failure = Arc::<LastFailure>::default();
        let connections = Connections { opts, failure: Arc::clone(&failure) };
        let pool = ConnectionPool::of(builder().build_unchecked(connections), failure);
        let (one, other) = tokio::join!(pool.run(|_| Ok::<_, StoreError>(())), pool.run(|_| Ok::<_, StoreError>(())));
        for reason in [one, other, pool.probe()].map(|done| done.unwrap_err().to_string()) {
            let is_cause = reason.starts_with("the database cannot be reached:") && reason.contains("refused");
            assert!(is_cause && !reason.contains("hunter2"), "{reason}");
        }
    }
}
