//! The writer: transfers and cards that are asked for while a transaction is running are done by the next one, all at once.
//!
//! Most of a small transaction is waiting for the database's answers and its log; under load these are shared. A request that finds
//! the writer idle starts at once. On a server two batches run at once, as long as they have no row in common. Rows that another
//! transaction has are left out; the requests that need them go to a lane of its own that waits, so that one lock from elsewhere
//! keeps nobody else. A batch that lost a conflict, or that one of its requests fails, is done in halves, at last one by one, so
//! that no request fails for another one. Beyond `BOUNDS` a request fails with [`StoreError::Busy`].

use std::sync::Arc;
use std::time::Instant;

use service_kit::task;
use service_kit::telemetry::Metrics;
use tokio::sync::oneshot;

use super::batch::{Answer, Job, do_all};
use super::command::{Posted, Request, TransferError};
use super::in_flight::{InFlight, changed_by};
use super::issue_card::{IssueCard, IssueCardError};
use super::metrics::{LedgerMetrics, WaitingRequest};
use crate::store::batch_queue::{BatchQueue, BatchWorker, Bounds};
use crate::store::ledger::Wait;
use crate::store::{Batch, Created, Db, Store, StoreError};

const BOUNDS: Bounds = Bounds { workers: 1, batch: 256, waiting: 4096 };
/// How many batches run at once on a server: while the one waits for the database, the other is read or decided. SQLite writes one
/// at a time.
const AT_ONCE: usize = 2;

struct Queued {
    job: Job,
    reply: oneshot::Sender<Result<Answer, StoreError>>,
    waiting: Option<WaitingRequest>,
}

impl Queued {
    fn reply(self, answer: Result<Answer, StoreError>) {
        // A failed send means that the caller is gone.
        drop(self.reply.send(answer));
    }
}

/// Clones share the queues.
#[derive(Clone)]
pub struct LedgerWriter {
    pub(super) store: Store,
    /// Whether each request gets a transaction of its own.
    is_direct: bool,
    ready: BatchQueue<Queued>,
    in_flight: InFlight,
    /// The lane of those whose rows another transaction has.
    waiting: BatchQueue<Queued>,
    pub(super) metrics: Arc<LedgerMetrics>,
}

impl LedgerWriter {
    pub fn new(store: Store, is_direct: bool, metrics: &Metrics) -> Self {
        let metrics = Arc::new(LedgerMetrics::new(metrics));
        store.count_effects_with(metrics.effects());
        let workers = if store.is_server() { AT_ONCE } else { 1 };
        Self {
            store,
            is_direct,
            ready: BatchQueue::new(Bounds { workers, ..BOUNDS }),
            in_flight: InFlight::default(),
            waiting: BatchQueue::new(BOUNDS),
            metrics,
        }
    }

    /// Moves money; answers once it is committed.
    pub async fn post(&self, request: Request) -> Result<Posted, TransferError> {
        match self.run(Job::Money(request)).await? {
            Answer::Money(answer) => answer.map(|posted| *posted),
            Answer::Card(_) => Err(other_answer().into()),
        }
    }

    /// Issues a card; answers once it is committed.
    pub async fn issue_card(&self, card: IssueCard) -> Result<Created, IssueCardError> {
        match self.run(Job::Card(card)).await? {
            Answer::Card(answer) => answer,
            Answer::Money(_) => Err(other_answer().into()),
        }
    }

    /// Does all of them in one transaction, in order, all or none.
    pub async fn post_atomically(&self, requests: Vec<Request>) -> Result<Vec<Posted>, BatchError> {
        let jobs: Arc<[Job]> = requests.into_iter().map(Job::Money).collect();
        let (began, done) = (Instant::now(), jobs.clone());
        let posted = self.store.write_batch(move |db: &mut Db| all_or_none(db, &done)).await;
        match &posted {
            Ok(posted) => {
                self.metrics.committed(jobs.len(), began.elapsed());
                let replayed = jobs.iter().zip(posted).filter(|(_, one)| one.is_replayed);
                replayed.for_each(|(job, _)| self.metrics.replayed(job));
            }
            Err(BatchError::Refused(faults)) => {
                for (place, error) in faults {
                    if let Some(Job::Money(request)) = jobs.get(*place) {
                        self.metrics.refused(&request.command, error);
                    }
                }
            }
            Err(BatchError::Store(_)) => jobs.iter().for_each(|job| self.metrics.failed(job)),
        }
        posted
    }

    async fn run(&self, job: Job) -> Result<Answer, StoreError> {
        if self.is_direct {
            let answers = self.commit(Arc::from([job]), Wait::ForLock).await;
            return answers?.pop().ok_or(StoreError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        let waiting = Some(self.metrics.waiting());
        let changed = changed_by(&job);
        let queued = Queued { job, reply, waiting };
        if let Some(worker) = self.in_flight.join(&self.ready, queued, &changed)? {
            drop(task::spawn("ledger-writer", self.clone().work(worker)));
        }
        // A worker that ended without an answer panicked, or its lane is full.
        let answered = async { answer.await.unwrap_or(Err(StoreError::Busy)) };
        // The transaction serves many requests, and is in no trace: the span of each is its wait for the commit.
        self.store.span("transaction").run(answered).await
    }

    /// Serves those that need no row of a batch in flight.
    async fn work(self, mut worker: BatchWorker<Queued>) {
        while let Some((batch, held)) = self.in_flight.next(&mut worker, |queued| changed_by(&queued.job)) {
            self.serve(batch, Wait::Skip).await;
            drop(held);
        }
    }

    /// Serves those whose rows another transaction has.
    async fn work_on_waiting(self, mut worker: BatchWorker<Queued>) {
        while let Some(batch) = worker.next() {
            self.serve(batch, Wait::ForLock).await;
        }
    }

    /// Commits the batch, or its halves.
    async fn serve(&self, mut batch: Vec<Queued>, wait: Wait) {
        for queued in &mut batch {
            queued.waiting = None;
        }
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let jobs: Arc<[Job]> = part.iter().map(|queued| queued.job.clone()).collect();
            match self.commit(jobs, wait).await {
                Ok(answers) => self.reply(part, answers, wait),
                Err(error) if part.len() > 1 && is_of_some(&error) => {
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(error) => self.fail(part, error),
            }
        }
    }

    fn reply(&self, batch: Vec<Queued>, answers: Vec<Answer>, wait: Wait) {
        for (mut queued, answer) in batch.into_iter().zip(answers) {
            if wait == Wait::Skip && answer.is_skipped() {
                queued.waiting = Some(self.metrics.waiting());
                // If that lane is full, the dropped reply says so.
                if let Ok(Some(worker)) = self.waiting.join(queued) {
                    drop(task::spawn("ledger-writer-waiting", self.clone().work_on_waiting(worker)));
                }
            } else {
                queued.reply(Ok(answer));
            }
        }
    }

    fn fail(&self, mut batch: Vec<Queued>, error: StoreError) {
        for queued in &batch {
            self.metrics.failed(&queued.job);
        }
        let last = batch.pop();
        for queued in batch {
            queued.reply(Err(error.for_each()));
        }
        if let Some(queued) = last {
            queued.reply(Err(error));
        }
    }

    /// One transaction for these jobs, each with an answer of its own.
    async fn commit(&self, jobs: Arc<[Job]>, wait: Wait) -> Result<Vec<Answer>, StoreError> {
        let (began, done) = (Instant::now(), jobs.clone());
        let write = move |db: &mut Db| {
            let (mut answers, mut events) = (Vec::with_capacity(done.len()), Vec::with_capacity(done.len()));
            for (job, (answer, its_events)) in done.iter().zip(do_all(db, &done, wait)?) {
                answers.push(answer);
                events.push((job.ctx().clone(), its_events));
            }
            Ok::<_, StoreError>(Batch { value: answers, events })
        };
        let answers = self.store.write_batch(write).await?;
        self.metrics.committed(jobs.len(), began.elapsed());
        for (job, answer) in jobs.iter().zip(&answers) {
            // A job that goes to the other lane has no answer yet.
            if wait == Wait::ForLock || !answer.is_skipped() {
                self.metrics.answered(job, answer);
            }
        }
        Ok(answers)
    }
}

fn other_answer() -> StoreError {
    StoreError::Corrupt { what: "the answer of the ledger's writer" }
}

/// Whether some of a batch may succeed without the others.
fn is_of_some(error: &StoreError) -> bool {
    !matches!(error, StoreError::Unavailable { .. } | StoreError::DiskFull | StoreError::Busy)
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

fn all_or_none(db: &mut Db, jobs: &[Job]) -> Result<Batch<Vec<Posted>>, BatchError> {
    let (mut posted, mut faults, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (answer, its_events)) in do_all(db, jobs, Wait::ForLock)?.into_iter().enumerate() {
        match answer {
            Answer::Money(Ok(one)) => posted.push(*one),
            Answer::Money(Err(TransferError::Store(error))) => return Err(error.into()),
            Answer::Money(Err(error)) => faults.push((place, error)),
            Answer::Card(_) => return Err(other_answer().into()),
        }
        events.extend(jobs.get(place).map(|job| (job.ctx().clone(), its_events)));
    }
    if faults.is_empty() { Ok(Batch { value: posted, events }) } else { Err(BatchError::Refused(faults)) }
}
