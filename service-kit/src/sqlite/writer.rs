//! One thread that owns the write connection and commits in groups.
//!
//! A commit waits for the disk; the work that arrives meanwhile shares the next one: up to 256 pieces, each in a savepoint of
//! its own, so that a piece that fails or panics rolls back only itself. Answers are given after the commit; if that fails,
//! every caller of the group gets the error. Work must not begin, commit or roll back a transaction, nor use
//! `Connection::transaction`: it is in one already. The queue holds 4,096 pieces; beyond that the answer is `Busy`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{QueryResult, SqliteConnection};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::{SqliteError, is_disk_full};
use crate::task::panic_text;

const QUEUE: usize = 4_096;
const GROUP: usize = 256;

/// Hooks that run in a group's transaction.
pub trait Hooks<C>: Send + 'static {
    /// The transaction has begun; no work has run yet.
    fn begun(&mut self, _connection: &mut C) -> QueryResult<()> {
        Ok(())
    }

    /// All work has run; the commit is next.
    fn committing(&mut self, _connection: &mut C) -> QueryResult<()> {
        Ok(())
    }

    /// The group was rolled back as a whole.
    fn failed(&mut self) {}
}

impl<C> Hooks<C> for () {}

/// Receives the result of the commit.
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

struct Done {
    keep: bool,
    answer: Answer,
}

/// Runs with the connection; without one if its group cannot be committed any more.
type Work<C> = Box<dyn FnOnce(Option<&mut C>) -> Done + Send>;

enum Item<C> {
    Work(Work<C>),
    /// Dropped once the connection is closed.
    Close(oneshot::Sender<()>),
}

/// Access to the writer thread. Clones share the one thread, which ends with the last of them, or when one is closed.
pub struct Writer<C = SqliteConnection> {
    queue: mpsc::Sender<Item<C>>,
    /// Whether the last group could not be committed.
    failing: Arc<AtomicBool>,
}

impl<C> Clone for Writer<C> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), failing: Arc::clone(&self.failing) }
    }
}

impl<C: SimpleConnection + Send + 'static> Writer<C> {
    pub fn start(connection: C) -> std::io::Result<Self> {
        Self::start_with(connection, ())
    }

    pub fn start_with(connection: C, hooks: impl Hooks<C>) -> std::io::Result<Self> {
        let (queue, items) = mpsc::channel(QUEUE);
        let failing = Arc::new(AtomicBool::new(false));
        let thread = Thread { connection, hooks, failing: Arc::clone(&failing) };
        std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || thread.serve(items))?;
        Ok(Self { queue, failing })
    }

    /// Whether groups are committed: if the last one was not, writes without changing anything. For readiness.
    pub async fn probe(&self) -> Result<(), SqliteError> {
        if !self.failing.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.run(|connection| connection.batch_execute("PRAGMA application_id = 0")).await
    }

    /// Runs the work in the next group; returns once it is committed. Queued work runs even if its caller has gone.
    pub async fn run<T, F>(&self, work: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut C) -> QueryResult<T> + Send + 'static,
    {
        self.operate(|error| error, move |connection| work(connection).map_err(SqliteError::Query)).await
    }

    /// The same for work with an error type of its own; `lift` converts the writer's errors into it.
    pub async fn operate<T, E, F>(&self, lift: fn(SqliteError) -> E, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut C) -> Result<T, E> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work: Work<C> = Box::new(move |connection| {
            let result = connection.map(|connection| attempt(connection, lift, work));
            let keep = matches!(result, Some(Ok(_)));
            let answer: Answer = Box::new(move |committed| {
                let committed = committed.map_err(SqliteError::Commit);
                let answer = match result {
                    Some(result) => result.and_then(|value| committed.map(|()| value).map_err(lift)),
                    None => Err(lift(committed.err().unwrap_or(SqliteError::Closed))),
                };
                // The caller may have gone; the work is committed all the same.
                drop(sender.send(answer));
            });
            Done { keep, answer }
        });
        self.queue.try_send(Item::Work(work)).map_err(|error| match error {
            TrySendError::Full(_) => lift(SqliteError::Busy),
            TrySendError::Closed(_) => lift(SqliteError::Closed),
        })?;
        receiver.await.unwrap_or_else(|_| Err(lift(SqliteError::Closed)))
    }

    /// Waits for the queued work, and closes the connection; later work fails with `Closed`. The last connection to a file to be
    /// closed removes the files beside it, if it may write: so this one comes after the readers.
    pub async fn close(&self) {
        let (sender, closed) = oneshot::channel();
        if self.queue.send(Item::Close(sender)).await.is_ok() {
            // Nothing is ever sent.
            closed.await.ok();
        }
    }
}

fn attempt<C, T, E>(
    connection: &mut C,
    lift: fn(SqliteError) -> E,
    work: impl FnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| {
        tracing::error!(reason = panic_text(panic.as_ref()), "a piece of database work panicked");
        Err(lift(SqliteError::Panicked))
    })
}

struct Thread<C, H> {
    connection: C,
    hooks: H,
    failing: Arc<AtomicBool>,
}

impl<C: SimpleConnection, H: Hooks<C>> Thread<C, H> {
    fn serve(mut self, mut queue: mpsc::Receiver<Item<C>>) {
        let (mut items, mut group) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
        let mut closers = Vec::new();
        while queue.blocking_recv_many(&mut items, GROUP) > 0 {
            for item in items.drain(..) {
                match item {
                    Item::Work(work) => group.push(work),
                    Item::Close(closer) => {
                        queue.close();
                        closers.push(closer);
                    }
                }
            }
            if !group.is_empty() {
                self.commit_group(group.drain(..));
            }
        }
        drop(self);
        drop(closers);
    }

    fn commit_group(&mut self, works: impl Iterator<Item = Work<C>>) {
        let mut answers = Vec::with_capacity(GROUP);
        let begun = self.connection.batch_execute("BEGIN IMMEDIATE");
        let mut outcome = begun.and_then(|()| self.hooks.begun(&mut self.connection));
        for work in works {
            if outcome.is_ok() {
                outcome = self.connection.batch_execute("SAVEPOINT work");
            }
            if outcome.is_ok() {
                let done = work(Some(&mut self.connection));
                answers.push(done.answer);
                let end = if done.keep { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
                outcome = self.connection.batch_execute(end);
            } else {
                answers.push(work(None).answer);
            }
        }
        let outcome = outcome
            .and_then(|()| self.hooks.committing(&mut self.connection))
            .and_then(|()| self.connection.batch_execute("COMMIT"))
            .map_err(|error| self.take_back(&error));
        self.failing.store(outcome.is_err(), Ordering::Relaxed);
        for answer in answers {
            answer(outcome.clone());
        }
    }

    fn take_back(&mut self, error: &diesel::result::Error) -> String {
        tracing::error!(%error, "a group of database work could not be committed");
        // Fails if there is no transaction to roll back, which is the goal.
        drop(self.connection.batch_execute("ROLLBACK"));
        self.hooks.failed();
        if is_disk_full(error) { "the disk is full".to_owned() } else { error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use diesel::prelude::*;
    use diesel::result::Error;
    use diesel::sql_types::BigInt;

    use super::*;
    use crate::sqlite::{Readers, Role, open};

    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }

    fn number(connection: &mut SqliteConnection, sql: &str) -> i64 {
        diesel::sql_query(sql).get_result::<Number>(connection).unwrap().value
    }

    fn writer(path: &Path) -> Writer {
        let mut connection = open(path, Role::Writer).unwrap();
        connection.batch_execute("CREATE TABLE item (id INTEGER PRIMARY KEY)").unwrap();
        Writer::start(connection).unwrap()
    }

    fn insert(id: i64) -> impl FnOnce(&mut SqliteConnection) -> QueryResult<i64> + Send + 'static {
        move |connection| {
            diesel::sql_query("INSERT INTO item (id) VALUES (?)").bind::<BigInt, _>(id).execute(connection)?;
            Ok(id)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_piece_that_fails_or_panics_takes_back_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let writer = writer(&path);
        // While this piece runs, the others queue up and become one group.
        let (begun, wait_begun) = std::sync::mpsc::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let first = writer.clone();
        let first = crate::task::spawn("first", async move {
            first
                .run(move |_| {
                    begun.send(()).unwrap();
                    wait_release.recv().unwrap();
                    Ok(())
                })
                .await
        });
        tokio::task::spawn_blocking(move || wait_begun.recv().unwrap()).await.unwrap();
        let good = (1..=20).map(|id| writer.run(insert(id)));
        let failing = writer.run(|connection| {
            insert(100)(connection)?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        let panicking = writer.run(|connection| -> QueryResult<()> {
            insert(101)(connection)?;
            panic!("on purpose")
        });
        let duplicate = writer.run(insert(7));
        let all = async { tokio::join!(futures_util::future::join_all(good), failing, panicking, duplicate) };
        let release = async { release.send(()).unwrap() };
        let ((good, failing, panicking, duplicate), ()) = tokio::join!(all, release);
        assert!(first.await.unwrap().is_ok());
        assert!(good.iter().all(Result::is_ok));
        assert!(matches!(failing, Err(SqliteError::Query(Error::RollbackTransaction))));
        assert!(matches!(panicking, Err(SqliteError::Panicked)));
        assert!(matches!(duplicate, Err(SqliteError::Query(Error::DatabaseError(..)))));
        let readers = Readers::open(&path, 2).unwrap();
        let count = readers.run(|c| Ok(number(c, "SELECT COUNT(*) AS value FROM item"))).await.unwrap();
        assert_eq!(count, 20);
    }

    #[tokio::test]
    async fn a_failed_commit_is_reported_to_every_caller_and_the_thread_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder.path().join("db"));
        // Ends the group's transaction behind its back: the savepoint and the commit fail.
        let spoilt = writer.run(|connection| connection.batch_execute("ROLLBACK")).await;
        assert!(matches!(spoilt, Err(SqliteError::Commit(_))), "{spoilt:?}");
        assert_eq!(writer.run(insert(1)).await.unwrap(), 1);
    }

    /// A disk that can be full: no commit succeeds then.
    #[derive(Clone, Default)]
    struct Disk {
        is_full: Arc<AtomicBool>,
    }

    impl SimpleConnection for Disk {
        fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
            let is_refused = sql == "COMMIT" && self.is_full.load(Ordering::Relaxed);
            if is_refused { Err(Error::RollbackTransaction) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn readiness_is_lost_with_a_commit_and_is_back_once_one_succeeds() {
        let disk = Disk::default();
        let writer = Writer::start(disk.clone()).unwrap();
        disk.is_full.store(true, Ordering::Relaxed);
        assert!(writer.probe().await.is_ok(), "nothing has failed yet");
        assert!(matches!(writer.run(|_| Ok(())).await, Err(SqliteError::Commit(_))));
        for _ in 0..2 {
            assert!(matches!(writer.probe().await, Err(SqliteError::Commit(_))));
        }
        disk.is_full.store(false, Ordering::Relaxed);
        assert!(writer.probe().await.is_ok(), "though nobody has written anything");
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let writer = writer(&path);
        let readers = Readers::open(&path, 1).unwrap();
        assert!(matches!(readers.run(insert(1)).await, Err(SqliteError::Query(_))));
        let sql = "SELECT COUNT(*) AS value FROM pragma_journal_mode WHERE journal_mode = 'wal'";
        let mode = writer.run(move |connection| Ok(number(connection, sql)));
        assert_eq!(mode.await.unwrap(), 1);
    }

    #[test]
    fn a_folder_is_not_a_database() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(open(folder.path(), Role::Writer), Err(SqliteError::Open { .. })));
    }
}
