//! Appending: a few workers, each of which takes the waiting calls, up to a batch, and inserts them under ids of its own.
//!
//! One batch costs three confirmed writes (open a span of ids, insert, close the span), over all its callers.
//! The unique index on `event_id` refuses a duplicate; a lookup of the event distinguishes it from an id that was voided
//! meanwhile (see [`super::settle`]). Entries of voided ids get others, a bounded number of times.
//! After a failure the effect is unknown: the callers get an error, the span is left to be settled, and appending again finds
//! the entries that exist.
//! Limits: waiting calls, entries of a batch, tries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::Collection;
use mongodb::bson::{Binary, doc};
use serde::Deserialize;
use service_kit::task;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::errors::{MongoError, limited};
use super::insert::{CHUNK, insert};
use super::rows::NewRow;
use super::sequence::{Sequence, Span};
use super::settle::Failed;
use crate::domain::{LogId, NewLogEntry};
use crate::store::Appended;

/// The size at which a batch is closed; the last call's entries may exceed it.
const FILL: usize = 250;
const WRITERS: usize = 4;
/// The calls that may wait for a worker; more are refused as busy.
const WAITING: usize = 1_024;
const MAX_ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// A call that has waited so long fails as unavailable.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

type Answer = Result<Vec<Appended>, MongoError>;

struct AppendRequest {
    rows: Vec<NewRow>,
    answer: oneshot::Sender<Answer>,
}

/// The sending end of the workers' queue; they end when it is dropped.
pub(super) struct Appender {
    requests: mpsc::Sender<AppendRequest>,
}

/// The state of one worker.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) logs: Collection<NewRow>,
    pub(super) sequence: Arc<Sequence>,
    pub(super) failed: Failed,
}

#[derive(Deserialize)]
struct ExistingRow {
    #[serde(rename = "_id")]
    id: i64,
    event_id: String,
    fingerprint: Binary,
}

impl Appender {
    pub(super) fn start(writer: &Writer) -> Self {
        let (sender, requests) = mpsc::channel(WAITING);
        let requests = Arc::new(Mutex::new(requests));
        for _ in 0..WRITERS {
            drop(task::spawn("log_append", writer.clone().run(Arc::clone(&requests))));
        }
        Self { requests: sender }
    }

    pub(super) async fn append(&self, entries: Vec<NewLogEntry>) -> Answer {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        let rows = entries.into_iter().map(NewRow::from).collect();
        let busy = |_| MongoError::Busy("too many writes are waiting".to_owned());
        self.requests.try_send(AppendRequest { rows, answer }).map_err(|error| busy(error.to_string()))?;
        match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(MongoError::Unavailable("the service is stopping".to_owned())),
            Err(_) => Err(MongoError::Unavailable(format!("no answer within {} s", ANSWER_LIMIT.as_secs()))),
        }
    }
}

impl Writer {
    async fn run(self, requests: Arc<Mutex<mpsc::Receiver<AppendRequest>>>) {
        loop {
            let batch = next_batch(&mut *requests.lock().await).await;
            if batch.is_empty() {
                return;
            }
            let (mut rows, mut answers) = (Vec::new(), Vec::with_capacity(batch.len()));
            for request in batch {
                answers.push((request.rows.len(), request.answer));
                rows.extend(request.rows);
            }
            let mut appended = self.record(&mut rows).await.map(Vec::into_iter);
            for (count, answer) in answers {
                let own =
                    appended.as_mut().map(|all| all.by_ref().take(count).collect()).map_err(|error| error.clone());
                // A caller that was dropped needs no answer.
                drop(answer.send(own));
            }
        }
    }

    /// Records the rows; one answer each, in order.
    async fn record(&self, rows: &mut [NewRow]) -> Answer {
        let leaders = leaders(rows);
        let mut outcomes: HashMap<usize, Appended> = HashMap::with_capacity(rows.len());
        let mut pending: Vec<usize> = (0..rows.len()).filter(|index| !leaders.contains_key(index)).collect();
        for tried in 0..MAX_ATTEMPTS {
            tokio::time::sleep(PAUSE * tried).await;
            let refused = self.insert(rows, &pending).await?;
            let existing = self.existing(rows, &refused).await?;
            let refused: HashSet<usize> = refused.into_iter().collect();
            for index in std::mem::take(&mut pending) {
                let Some(row) = rows.get(index) else { continue };
                match (refused.contains(&index), existing.get(&row.event_id)) {
                    (false, _) => drop(outcomes.insert(index, Appended::Recorded(LogId::from(row.id)))),
                    (true, Some(found)) => drop(outcomes.insert(index, row.duplicate_of(found.id, &found.fingerprint))),
                    (true, None) => pending.push(index),
                }
            }
            if pending.is_empty() {
                return answers(rows, &leaders, &outcomes);
            }
        }
        Err(MongoError::Busy("the ids of a write were voided again and again".to_owned()))
    }

    /// Inserts the rows of these indexes under new ids; returns those that were refused as duplicates.
    async fn insert(&self, rows: &mut [NewRow], pending: &[usize]) -> Result<Vec<usize>, MongoError> {
        let span = self.sequence.open(pending.len()).await?;
        let mut ids = span.first..=span.last;
        for index in pending {
            if let (Some(row), Some(id)) = (rows.get_mut(*index), ids.next()) {
                row.id = id;
            }
        }
        let inserted = self.insert_chunks(rows, pending).await;
        if inserted.is_err() || self.sequence.close(span).await.is_err() {
            self.leave(span);
        }
        inserted
    }

    async fn insert_chunks(&self, rows: &[NewRow], pending: &[usize]) -> Result<Vec<usize>, MongoError> {
        let mut refused = Vec::new();
        for chunk in pending.chunks(CHUNK) {
            let documents: Vec<&NewRow> = chunk.iter().filter_map(|index| rows.get(*index)).collect();
            let duplicates = insert(&self.logs, &documents).await?;
            refused.extend(duplicates.into_iter().filter_map(|place| chunk.get(place)));
        }
        Ok(refused)
    }

    /// Leaves a span to be settled; if too many wait already, it is settled when its lease ends.
    pub(super) fn leave(&self, span: Span) {
        if self.failed.try_send(span).is_err() {
            tracing::debug!(first = span.first, "a failed write is settled when its time is over");
        }
    }

    /// The existing documents with the event ids of these rows.
    async fn existing(&self, rows: &[NewRow], refused: &[usize]) -> Result<HashMap<String, ExistingRow>, MongoError> {
        let mut existing = HashMap::with_capacity(refused.len());
        for chunk in refused.chunks(CHUNK) {
            let ids: Vec<&str> =
                chunk.iter().filter_map(|index| rows.get(*index)).map(|row| row.event_id.as_str()).collect();
            let projection = doc! { "event_id": 1, "fingerprint": 1 };
            let found = self.logs.clone_with_type::<ExistingRow>();
            let read = async {
                let cursor = found.find(doc! { "event_id": { "$in": ids } }).projection(projection).await?;
                cursor.try_collect::<Vec<ExistingRow>>().await
            };
            existing.extend(limited(read).await?.into_iter().map(|row| (row.event_id.clone(), row)));
        }
        Ok(existing)
    }
}

/// Waits for a call, then takes the other waiting calls, up to a batch. Empty once the queue is closed.
async fn next_batch(requests: &mut mpsc::Receiver<AppendRequest>) -> Vec<AppendRequest> {
    let Some(first) = requests.recv().await else { return Vec::new() };
    let mut size = first.rows.len();
    let mut batch = vec![first];
    while size < FILL
        && let Ok(request) = requests.try_recv()
    {
        size += request.rows.len();
        batch.push(request);
    }
    batch
}

/// The rows that repeat an earlier row's event in the same batch, each with the index of that row.
fn leaders(rows: &[NewRow]) -> HashMap<usize, usize> {
    let (mut first, mut leaders) = (HashMap::with_capacity(rows.len()), HashMap::new());
    for (index, row) in rows.iter().enumerate() {
        let leader = *first.entry(row.event_id.as_str()).or_insert(index);
        if leader != index {
            leaders.insert(index, leader);
        }
    }
    leaders
}

fn answers(rows: &[NewRow], leaders: &HashMap<usize, usize>, outcomes: &HashMap<usize, Appended>) -> Answer {
    let answer = |(index, row): (usize, &NewRow)| {
        let Some(leader) = leaders.get(&index) else { return outcomes.get(&index).cloned() };
        let first = rows.get(*leader)?;
        let same = first.fingerprint().bytes == row.fingerprint().bytes;
        Some(match outcomes.get(leader)? {
            Appended::Recorded(id) => Appended::Duplicate { id: id.clone(), same_content: same },
            // Of two different rows at most one equals the stored entry; the store's answer for the first decides.
            Appended::Duplicate { id, same_content } => {
                Appended::Duplicate { id: id.clone(), same_content: *same_content && same }
            }
        })
    };
    let missing = || MongoError::Unavailable("an entry was not answered for".to_owned());
    rows.iter().enumerate().map(answer).collect::<Option<_>>().ok_or_else(missing)
}
