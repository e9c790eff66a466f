//! Read-only connections, off the async threads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool};
use tokio::sync::Semaphore;

use super::{Role, SqliteError, open, pragmas};

const WAIT_LIMIT: Duration = Duration::from_secs(2);

/// A pool of connections that can only read. Clones share it.
#[derive(Clone)]
pub struct Readers {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    /// As many as there are connections: a query that waits for one holds no blocking thread.
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct ReadOnly;

impl CustomizeConnection<SqliteConnection, PoolError> for ReadOnly {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), PoolError> {
        pragmas(connection, Role::Reader).map_err(PoolError::QueryError)
    }
}

impl Readers {
    /// Opens `size` connections to a file that exists.
    pub fn open(path: &Path, size: u32) -> Result<Self, SqliteError> {
        let fault = |reason: String| SqliteError::Open { path: path.display().to_string(), reason };
        // The pool reports little about a failure, and only after its time-out.
        drop(open(path, Role::Reader)?);
        let name = path.to_str().ok_or_else(|| fault("the path is not UTF-8".to_owned()))?;
        let size = size.max(1);
        let pool = Pool::builder()
            .max_size(size)
            .test_on_check_out(false)
            .connection_timeout(WAIT_LIMIT)
            .connection_customizer(Box::new(ReadOnly))
            .build(ConnectionManager::new(name))
            .map_err(|error| fault(error.to_string()))?;
        let places = usize::try_from(size).unwrap_or(1);
        Ok(Self { pool, places: Arc::new(Semaphore::new(places)) })
    }

    /// Runs a query on a blocking thread; waits two seconds at most for a connection.
    pub async fn run<T, F>(&self, query: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, diesel::result::Error> + Send + 'static,
    {
        let place = tokio::time::timeout(WAIT_LIMIT, Arc::clone(&self.places).acquire_owned());
        let place = place.await.map_err(|_| SqliteError::Busy)?.map_err(|_| SqliteError::Closed)?;
        let pool = self.pool.clone();
        let work = tokio::task::spawn_blocking(move || {
            // The place is freed with the thread, also if the caller has gone.
            let _place = place;
            let mut connection = pool.get().map_err(|_| SqliteError::Busy)?;
            query(&mut connection).map_err(SqliteError::Query)
        });
        work.await.map_err(|error| if error.is_panic() { SqliteError::Panicked } else { SqliteError::Closed })?
    }
}
