//! Group commit on MySQL for transactions that only add rows: writes requested while a transaction is running are done by the
//! next one, all in one transaction.
//!
//! Most of a small transaction is waiting: its begin, its event and its commit are a round trip each, and the commit waits for
//! the log. Under load these are shared. A write that finds a free worker starts at once.
//!
//! Each caller is served as if it were alone. The writes of a transaction run one after the other, so each sees the rows of those
//! before it; all are committed, or none. If one of them fails, for whatever reason, the transaction is rolled back and each write
//! gets its own transaction, so that one caller's error never reaches another. A write that has not begun after `GROUP_WAIT`,
//! since earlier transactions wait for a lock, is taken back from the queue and runs alone.
//!
//! Beyond `BOUNDS` a write fails with [`StoreError::Busy`].

use std::sync::Arc;
use std::time::Duration;

use service_kit::task;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connections::ConnectionPool;
use super::transaction::{MOST_REFILLS, attempts, refill, transaction};
use crate::store::batch_queue::{BatchQueue, BatchWorker, Bounds, reply_or_busy, reply_or_error};
use crate::store::outbox::{self, NewRow};
use crate::store::work::{Failure, Value, Write};
use crate::store::{Db, Ids, Sequence, StoreError};

const BOUNDS: Bounds = Bounds { workers: 4, batch: 32, waiting: 4096 };
const GROUP_WAIT: Duration = Duration::from_millis(25);

/// The reason why the shared transaction was not committed.
enum GroupAbort {
    /// A block of ids is used up.
    Ids(Sequence),
    /// A write failed.
    Write,
    /// The transaction itself failed.
    Transaction(StoreError),
}

impl From<StoreError> for GroupAbort {
    fn from(error: StoreError) -> Self {
        Self::Transaction(error)
    }
}

/// A write that waits for its transaction.
struct GroupedWrite {
    work: Write,
    value: Option<Value>,
    reply: oneshot::Sender<Result<Value, Failure>>,
}

// A failed send means that the caller is gone.
impl GroupedWrite {
    /// Runs in the open transaction and keeps the result; returns the outbox rows of its events.
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

    /// Replies after the transaction was committed.
    fn committed(self) {
        if let Some(value) = self.value {
            drop(self.reply.send(Ok(value)));
        }
    }

    /// Replies after the transaction failed, rolled back or not.
    fn failed(self, error: &StoreError) {
        drop(self.reply.send(Err(error.for_each().into())));
    }

    /// Runs in a transaction of its own.
    fn alone(self, db: &mut Db, ids: &Ids) {
        drop(self.reply.send(attempts(db, ids, outbox::with_events(self.work))));
    }
}

/// Clones share the queue.
#[derive(Clone)]
pub(super) struct GroupCommitter(BatchQueue<GroupedWrite>);

impl Default for GroupCommitter {
    fn default() -> Self {
        Self(BatchQueue::new(BOUNDS))
    }
}

impl GroupCommitter {
    /// Runs the write, grouped with others if any wait.
    pub(super) async fn write(
        &self,
        connections: &ConnectionPool,
        ids: &Arc<Ids>,
        work: Write,
    ) -> Result<Value, Failure> {
        let (tx, mut rx) = oneshot::channel();
        let (number, worker) = self.0.join(GroupedWrite { work, value: None, reply: tx })?;
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

fn run(db: &mut Db, ids: &Ids, mut worker: BatchWorker<GroupedWrite>) -> Result<(), StoreError> {
    while let Some(batch) = worker.next() {
        serve(db, ids, batch)?;
    }
    Ok(())
}

/// Runs a batch; each write sends its own result. The error is one of the connection.
fn serve(db: &mut Db, ids: &Ids, mut batch: Vec<GroupedWrite>) -> Result<(), StoreError> {
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

/// Runs all writes in one transaction.
fn common(db: &mut Db, ids: &Ids, batch: &mut [GroupedWrite]) -> Result<(), GroupAbort> {
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
