//! Transactions that only add rows, gathered on MySQL: what is asked for while one is under way is done by the next one, all
//! in one transaction.
//!
//! Most of a small transaction is waiting: its begin, its event and its commit are a round trip each, and the commit waits for
//! the log. Under load they are shared. Who asks while nobody does waits for nobody.
//!
//! Each caller is served as if it were alone. The jobs of a transaction run one after the other, so each sees what those before
//! it wrote; all are committed, or none. If one of them fails, for whatever reason, the transaction is rolled back and each job
//! gets one of its own, so that nobody meets another's fault. Whose job has not begun after `PATIENCE`, since the transactions
//! before it wait for a lock, takes it back and does it alone.
//!
//! Who asks for too much is told so: see `BOUNDS`.

use std::sync::Arc;
use std::time::Duration;

use service_kit::task;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connections::ConnectionPool;
use super::transaction::{MOST_REFILLS, attempts, refill, transaction};
use crate::store::batch_queue::{BatchQueue, BatchWorker, Bounds, reply_or_busy, reply_or_error};
use crate::store::outbox::{self, NewRow, WithRows};
use crate::store::{Db, Ids, OperationError, Sequence, StoreError};

const BOUNDS: Bounds = Bounds { workers: 4, batch: 32, waiting: 4096 };
const GROUP_WAIT: Duration = Duration::from_millis(25);

/// An operation that waits for its transaction.
trait GroupedWrite: Send {
    /// Does the work in the transaction that is open, and keeps its result; gives its events.
    fn attempt(&mut self, db: &mut Db) -> Result<Vec<NewRow>, GroupAbort>;
    /// The transaction was committed.
    fn committed(self: Box<Self>);
    /// The transaction failed, and was not necessarily rolled back.
    fn failed(self: Box<Self>, error: &StoreError);
    /// Does the work in a transaction of its own.
    fn alone(self: Box<Self>, db: &mut Db, ids: &Ids);
}

/// Why there was no common transaction.
enum GroupAbort {
    /// Nobody's fault: a block of ids is used up.
    Ids(Sequence),
    /// A job's, or its events'.
    Write,
    /// The transaction's own.
    Transaction(StoreError),
}

impl From<StoreError> for GroupAbort {
    fn from(error: StoreError) -> Self {
        Self::Transaction(error)
    }
}

struct Task<T, E, F> {
    work: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> GroupedWrite for Task<T, E, F>
where
    T: Send,
    E: OperationError,
    F: Fn(&mut Db) -> WithRows<T, E> + Send,
{
    fn attempt(&mut self, db: &mut Db) -> Result<Vec<NewRow>, GroupAbort> {
        match (self.work)(db) {
            Ok((value, rows)) => {
                self.value = Some(value);
                Ok(rows)
            }
            Err(error) => Err(match error.store_error() {
                Some(StoreError::IdsExhausted(sequence)) => GroupAbort::Ids(*sequence),
                _ => GroupAbort::Write,
            }),
        }
    }

    // Who is not there any more needs no answer.
    fn committed(self: Box<Self>) {
        if let Some(value) = self.value {
            drop(self.reply.send(Ok(value)));
        }
    }

    fn failed(self: Box<Self>, error: &StoreError) {
        drop(self.reply.send(Err(error.for_each().into())));
    }

    fn alone(self: Box<Self>, db: &mut Db, ids: &Ids) {
        let Self { work, reply: tx, .. } = *self;
        drop(tx.send(attempts(db, ids, outbox::with_events(work))));
    }
}

/// Clones share what waits.
#[derive(Clone)]
pub(super) struct GroupCommitter(BatchQueue<Box<dyn GroupedWrite>>);

impl Default for GroupCommitter {
    fn default() -> Self {
        Self(BatchQueue::new(BOUNDS))
    }
}

impl GroupCommitter {
    /// Does the work, with others' if there are any.
    pub(super) async fn write<T, E>(
        &self,
        connections: &ConnectionPool,
        ids: &Arc<Ids>,
        work: impl Fn(&mut Db) -> WithRows<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        let (tx, mut rx) = oneshot::channel();
        let (number, worker) = self.0.join(Box::new(Task { work, value: None, reply: tx }))?;
        let ids = Arc::clone(ids);
        if let Some(worker) = worker {
            let connections = connections.clone();
            let working =
                task::spawn("group-commit", async move { connections.run(move |db| run(db, &ids, worker)).await });
            return reply_or_error(rx, working).await;
        }
        if let Ok(answer) = timeout(GROUP_WAIT, &mut rx).await {
            return reply_or_busy(answer);
        }
        if let Some(write) = self.0.take_back(number) {
            let alone = move |db: &mut Db| {
                write.alone(db, &ids);
                Ok::<_, StoreError>(())
            };
            connections.run(alone).await?;
        }
        reply_or_busy(rx.await)
    }
}

fn run(db: &mut Db, ids: &Ids, mut worker: BatchWorker<Box<dyn GroupedWrite>>) -> Result<(), StoreError> {
    while let Some(batch) = worker.next() {
        serve(db, ids, batch)?;
    }
    Ok(())
}

/// Each job tells its caller how it went. An error is one of the connection.
fn serve(db: &mut Db, ids: &Ids, mut batch: Vec<Box<dyn GroupedWrite>>) -> Result<(), StoreError> {
    let common = if batch.len() > 1 { common(db, ids, &mut batch) } else { Err(GroupAbort::Write) };
    match common {
        Ok(()) => batch.into_iter().for_each(GroupedWrite::committed),
        Err(GroupAbort::Transaction(error)) if !error.is_retryable() => {
            for write in batch {
                write.failed(&error);
            }
            return Err(error);
        }
        Err(_) => batch.into_iter().for_each(|write| write.alone(db, ids)),
    }
    Ok(())
}

/// All of them in one transaction.
fn common(db: &mut Db, ids: &Ids, batch: &mut [Box<dyn GroupedWrite>]) -> Result<(), GroupAbort> {
    for refills in 1..=MOST_REFILLS {
        let done = transaction(db, |db| {
            let mut events = Vec::with_capacity(batch.len());
            for write in &mut *batch {
                events.extend(write.attempt(db)?);
            }
            outbox::insert(db, &events).map_err(|_| GroupAbort::Write)?;
            service_kit::fail_point!("write.before_commit", if !events.is_empty());
            Ok(())
        });
        match done {
            Err(GroupAbort::Ids(sequence)) => refill(db, ids, sequence, refills).map_err(|_| GroupAbort::Write)?,
            done => return done,
        }
    }
    Err(GroupAbort::Write)
}
