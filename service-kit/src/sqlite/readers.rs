//! Read-only connections, off the async threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::{QueryResult, SqliteConnection};
use tokio::sync::Semaphore;

use super::{Role, SqliteError, open};

const WAIT_LIMIT: Duration = Duration::from_secs(2);

/// A pool of connections that can only read. Clones share it.
pub struct Readers<C = SqliteConnection>(Arc<Pool<C>>);

struct Pool<C> {
    path: PathBuf,
    /// Makes the connection that queries take.
    wrap: fn(SqliteConnection) -> C,
    idle: Mutex<Vec<C>>,
    size: u32,
    /// As many as there may be connections: a query that waits for one holds no blocking thread.
    places: Arc<Semaphore>,
}

impl<C> Clone for Readers<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Readers {
    /// Opens a file that exists, for up to `size` queries at once.
    pub fn open(path: &Path, size: u32) -> Result<Self, SqliteError> {
        Self::open_with(path, size, |connection| connection)
    }
}

impl<C: Send + 'static> Readers<C> {
    /// The same for queries that take another type of connection.
    pub fn open_with(path: &Path, size: u32, wrap: fn(SqliteConnection) -> C) -> Result<Self, SqliteError> {
        let first = wrap(open(path, Role::Reader)?);
        let size = size.max(1);
        let places = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Ok(Self(Arc::new(Pool { path: path.to_owned(), wrap, idle: Mutex::new(vec![first]), size, places })))
    }

    /// Runs a query on a blocking thread; waits two seconds at most for a connection.
    pub async fn run<T, F>(&self, query: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut C) -> QueryResult<T> + Send + 'static,
    {
        let place = tokio::time::timeout(WAIT_LIMIT, Arc::clone(&self.0.places).acquire_owned());
        let place = place.await.map_err(|_| SqliteError::Busy)?.map_err(|_| SqliteError::Closed)?;
        let pool = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || {
            // The place is freed with the thread, also if the caller has gone.
            let _place = place;
            pool.run(query)
        });
        work.await.map_err(|error| if error.is_panic() { SqliteError::Panicked } else { SqliteError::Closed })?
    }

    /// Waits for the queries that are under way, and closes the connections; later queries fail with `Closed`.
    pub async fn close(&self) {
        let all = self.0.places.acquire_many(self.0.size).await;
        self.0.places.close();
        self.0.idle().clear();
        drop(all);
    }
}

impl<C> Pool<C> {
    /// A connection whose query fails or panics is not used again.
    fn run<T>(&self, query: impl FnOnce(&mut C) -> QueryResult<T>) -> Result<T, SqliteError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.wrap)(open(&self.path, Role::Reader)?),
        };
        let value = query(&mut connection)?;
        self.idle().push(connection);
        Ok(value)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<C>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::sqlite::Writer;

    /// A store whose log holds a row.
    async fn store(path: &Path) -> (Writer, Readers) {
        let writer = Writer::start(open(path, Role::Writer).unwrap()).unwrap();
        let made = "CREATE TABLE item (id INTEGER PRIMARY KEY); INSERT INTO item VALUES (7)";
        writer.run(move |connection| connection.batch_execute(made)).await.unwrap();
        (writer, Readers::open(path, 3).unwrap())
    }

    fn select(connection: &mut SqliteConnection) -> QueryResult<()> {
        connection.batch_execute("SELECT id FROM item")
    }

    #[tokio::test]
    async fn after_the_close_the_file_alone_is_the_whole_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let (writer, readers) = store(&path).await;
        let reads = futures_util::future::join_all((0..9).map(|_| readers.run(select))).await;
        assert!(reads.iter().all(Result::is_ok), "{reads:?}");
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 3, "a database in use has its log and the index of that beside it");
        let (other_writer, other_readers) = (writer.clone(), readers.clone());
        readers.close().await;
        writer.close().await;
        assert_eq!(files(), 1);
        assert!(matches!(other_readers.run(select).await, Err(SqliteError::Closed)));
        assert!(matches!(other_writer.run(|_| Ok(())).await, Err(SqliteError::Closed)));
        // A second close finds nothing to do.
        other_readers.close().await;
        other_writer.close().await;
        open(&path, Role::Reader).unwrap().batch_execute("SELECT id FROM item").unwrap();
    }

    #[tokio::test]
    async fn a_close_waits_for_the_query_that_is_under_way_and_one_that_is_given_up_closes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, readers) = store(&folder.path().join("a.sqlite")).await;
        let (begun, wait_begun) = std::sync::mpsc::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let slow = readers.clone();
        let slow = crate::task::spawn("slow", async move {
            slow.run(move |_| {
                begun.send(()).unwrap();
                wait_release.recv().unwrap();
                Ok(7)
            })
            .await
        });
        tokio::task::spawn_blocking(move || wait_begun.recv().unwrap()).await.unwrap();
        assert!(readers.close().now_or_never().is_none());
        readers.run(select).await.unwrap();
        release.send(()).unwrap();
        readers.close().await;
        writer.close().await;
        assert_eq!(slow.await.unwrap().unwrap(), 7);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_query_that_fails_or_panics_leaves_the_pool_as_large_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, readers) = store(&folder.path().join("a.sqlite")).await;
        for _ in 0..9 {
            let failed = readers.run(|connection| connection.batch_execute("SELECT nothing")).await;
            assert!(matches!(failed, Err(SqliteError::Query(_))), "{failed:?}");
            let panicked = readers.run(|_| -> QueryResult<()> { panic!("on purpose") }).await;
            assert!(matches!(panicked, Err(SqliteError::Panicked)), "{panicked:?}");
        }
        readers.run(select).await.unwrap();
    }
}
