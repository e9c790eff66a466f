//! The writer: requests that come while a transaction is running are done by the next one, all at once.
//!
//! Most of a small transaction is waiting for the database's answers and its log; under load these are shared. A request that finds
//! the writer idle starts at once. Rows that another transaction has are left out; the requests that need them go to a lane of its
//! own that waits, so that one lock from elsewhere keeps nobody else. A batch that lost a conflict is done in halves, at last one
//! by one.

use service_kit::task;
use tokio::sync::oneshot;

use super::command::{Command, Posted, Request, TransferError};
use super::post_all;
use crate::domain::ledger::{Caller, TransferId};
use crate::domain::scope::Scope;
use crate::store::batch_queue::{BatchQueue, BatchWorker, Bounds};
use crate::store::ledger::{Wait, expired, now};
use crate::store::{Batch, Ctx, Db, Store, StoreError};

const BOUNDS: Bounds = Bounds { workers: 1, batch: 256, waiting: 4096 };
/// How many holds that ran out one sweep ends.
const EXPIRED_AT_ONCE: i64 = 100;

type Answer = Result<Posted, TransferError>;

struct Queued {
    request: Request,
    reply: oneshot::Sender<Answer>,
}

/// Clones share the queues.
#[derive(Clone)]
pub struct LedgerWriter {
    store: Store,
    /// Whether each request gets a transaction of its own.
    is_direct: bool,
    ready: BatchQueue<Queued>,
    /// The lane of those whose rows another transaction has.
    waiting: BatchQueue<Queued>,
}

impl LedgerWriter {
    pub fn new(store: Store, is_direct: bool) -> Self {
        Self { store, is_direct, ready: BatchQueue::new(BOUNDS), waiting: BatchQueue::new(BOUNDS) }
    }

    /// Does what is requested; answers once it is committed.
    pub async fn post(&self, request: Request) -> Answer {
        if self.is_direct {
            return match commit(&self.store, vec![request], Wait::ForLock).await {
                Ok(mut answers) => answers.pop().unwrap_or_else(|| Err(StoreError::Busy.into())),
                Err(error) => Err(error.into()),
            };
        }
        let (reply, answer) = oneshot::channel();
        self.queue(&self.ready, Wait::Skip, Queued { request, reply })?;
        // A worker that ended without an answer had no connection, or panicked.
        answer.await.unwrap_or_else(|_| Err(StoreError::Busy.into()))
    }

    /// Does all of them in one transaction, in order, all or none.
    pub async fn post_atomically(&self, requests: Vec<Request>) -> Result<Vec<Posted>, BatchError> {
        let write = move |db: &mut Db| {
            let (mut posted, mut faults, mut events) = (Vec::new(), Vec::new(), Vec::new());
            for (place, (answer, its_events)) in post_all(db, &requests, Wait::ForLock)?.into_iter().enumerate() {
                match answer {
                    Ok(one) => posted.push(one),
                    Err(TransferError::Store(error)) => return Err(error.into()),
                    Err(error) => faults.push((place, error)),
                }
                events.extend(requests.get(place).map(|request| (request.ctx.clone(), its_events)));
            }
            if faults.is_empty() { Ok(Batch { value: posted, events }) } else { Err(BatchError::Refused(faults)) }
        };
        self.store.write_batch(write).await
    }

    fn queue(&self, queue: &BatchQueue<Queued>, wait: Wait, queued: Queued) -> Result<(), StoreError> {
        let (_, worker) = queue.join(queued)?;
        if let Some(worker) = worker {
            let writer = self.clone();
            drop(task::spawn("ledger-writer", async move { writer.work(worker, wait).await }));
        }
        Ok(())
    }

    async fn work(self, mut worker: BatchWorker<Queued>, wait: Wait) {
        while let Some(batch) = worker.next() {
            self.serve(batch, wait).await;
        }
    }

    /// Commits the batch, or its halves.
    async fn serve(&self, batch: Vec<Queued>, wait: Wait) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let requests = part.iter().map(|queued| queued.request.clone()).collect();
            match commit(&self.store, requests, wait).await {
                Ok(answers) => self.reply(part, answers, wait),
                Err(StoreError::Busy | StoreError::Serialization | StoreError::UniqueViolation) if part.len() > 1 => {
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(error) => {
                    for queued in part {
                        // A failed send means that the caller is gone.
                        drop(queued.reply.send(Err(error.for_each().into())));
                    }
                }
            }
        }
    }

    fn reply(&self, batch: Vec<Queued>, answers: Vec<Answer>, wait: Wait) {
        for (queued, answer) in batch.into_iter().zip(answers) {
            match answer {
                Err(error) if wait == Wait::Skip && error.is_skipped() => {
                    // If that lane is full, the dropped reply says so.
                    drop(self.queue(&self.waiting, Wait::ForLock, queued));
                }
                answer => drop(queued.reply.send(answer)),
            }
        }
    }
}

/// Why none of a batch was done.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// By their places.
    #[error("some of the transfers were refused")]
    Refused(Vec<(usize, TransferError)>),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(BatchError);

/// One transaction for these requests, each with an answer of its own.
async fn commit(store: &Store, requests: Vec<Request>, wait: Wait) -> Result<Vec<Answer>, StoreError> {
    let write = move |db: &mut Db| {
        let (mut answers, mut events) = (Vec::with_capacity(requests.len()), Vec::with_capacity(requests.len()));
        for (request, (answer, its_events)) in requests.iter().zip(post_all(db, &requests, wait)?) {
            answers.push(answer);
            events.push((request.ctx.clone(), its_events));
        }
        Ok::<_, StoreError>(Batch { value: answers, events })
    };
    store.write_batch(write).await
}

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
    let mut ended = 0;
    for hold in due {
        let request = Request { ctx: ctx.clone(), caller, key: None, command: Command::Expire { hold } };
        match writer.post(request).await {
            Ok(_) => ended += 1,
            Err(TransferError::Store(error)) => return Err(error),
            // Another replica was first.
            Err(TransferError::Refused(_) | TransferError::Idempotency(_)) => {}
        }
    }
    Ok(ended)
}
