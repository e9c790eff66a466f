//! The log in MongoDB: a replica set that any number of this service's replicas write to at the same time.
//!
//! - Every write is confirmed by a majority and its journal, every read sees what a majority has; both go to the primary.
//! - Ids come from one sequence that all replicas share ([`sequence`]); reads go up to the last settled id, so no entry ever
//!   appears before one that a reader has passed. A span that a dead writer left open holds the newest entries back for its
//!   time limit (5 s), never longer than it takes another replica to settle it ([`settle`]).
//! - An unavailable or silent server costs a call its time limit, then `Unavailable`; the driver finds the new primary or
//!   the restarted server by itself. A call that failed may have taken effect: appending again finds out.

mod append;
mod connect;
mod edit;
mod errors;
mod insert;
mod json;
mod rows;
mod select;
mod sequence;
mod settle;
mod tickets;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};
use mongodb::{Client, ClientSession, Collection};
use service_kit::task;
use service_kit::telemetry::trace::Span;
use shared_events::EventId;
use tokio::sync::watch;

pub use self::connect::{ConnectError, MongoUrl, MongoUrlError, is_collection_name, is_database_name};

use self::append::{Appender, Writer};
use self::errors::{MongoError, limited};
use self::rows::{BriefRow, Row};
use self::sequence::Sequence;
use self::settle::Settler;
use self::tickets::TicketRow;
use super::position::number;
use super::{Appended, LogStore, Recorded, StoreError, Window};
use crate::domain::{Changes, Edit, Edited, Editor, Expected, LogEntry, LogId, NewLogEntry, Selection, Visibility};

pub struct MongoStore {
    client: Client,
    logs: Collection<Row>,
    probes: Collection<Document>,
    tickets: Collection<TicketRow>,
    sequence: Arc<Sequence>,
    appender: Appender,
    writer: Writer,
    /// The greatest settled id that this process has seen.
    seen: AtomicI64,
    appended: watch::Sender<u64>,
}

impl MongoStore {
    /// Connects, checks the server, and makes missing collections and indexes. Safe when several processes start at once.
    pub async fn connect(url: &MongoUrl, retention: Option<TimeDelta>) -> Result<Self, ConnectError> {
        let connected = connect::connect(url).await?;
        let (logs, probes) = (connected.logs, connected.sequence);
        connect::prepare(&logs, retention).await?;
        tickets::prepare(&connected.tickets).await?;
        let sequence = Arc::new(Sequence::new(probes.clone_with_type()));
        sequence.prepare(connect::newest(&logs).await?).await?;
        let (settler, failed) = Settler::new(Arc::clone(&sequence), logs.clone());
        drop(task::spawn("log_settle", settler.run()));
        let writer = Writer { logs: logs.clone_with_type(), sequence: Arc::clone(&sequence), failed };
        Ok(Self {
            client: connected.client,
            logs: logs.clone_with_type(),
            probes,
            tickets: connected.tickets,
            sequence,
            appender: Appender::start(&writer),
            writer,
            seen: AtomicI64::new(0),
            appended: watch::Sender::new(0),
        })
    }

    fn span(&self, operation: &'static str) -> Span {
        Span::database("mongodb", operation, Some(self.logs.name()))
    }

    /// The last settled id, and a session that can read everything up to it.
    async fn settled(&self) -> Result<(i64, ClientSession), MongoError> {
        // Of two concurrent reads the one that began first may see the smaller id.
        let shown = self.seen.load(Ordering::Acquire);
        let mut session = limited(self.client.start_session()).await?;
        let settled = self.sequence.settled(&mut session).await?;
        self.seen.fetch_max(settled, Ordering::AcqRel);
        // A member that has just become the primary may for a moment see less than was shown already.
        if settled < shown {
            return Err(MongoError::Unavailable("the new primary is catching up".to_owned()));
        }
        Ok((settled, session))
    }
}

/// The entry of a document, as its reader may see it.
fn shown(row: Row, visibility: Visibility) -> Result<LogEntry, StoreError> {
    row.into_entry().map(|entry| visibility.show(entry))
}

#[async_trait]
impl LogStore for MongoStore {
    async fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<Appended>, StoreError> {
        // A batch serves many callers, and is in no trace: the span of each is its wait for the batch.
        let outcome = self.span("insert").run(self.appender.append(entries)).await;
        // Also after a failure: it may have taken effect.
        self.appended.send_modify(|count| *count = count.wrapping_add(1));
        Ok(outcome?)
    }

    async fn find(&self, id: &LogId, visibility: Visibility) -> Result<Option<LogEntry>, StoreError> {
        let Some(id) = number(id) else { return Ok(None) };
        let read = limited(self.logs.find_one(select::one(id, visibility)).projection(Row::projection()));
        let row = self.span("find").run(read).await?;
        row.map(|row| shown(row, visibility)).transpose()
    }

    async fn lookup(&self, events: &[EventId]) -> Result<Vec<Recorded>, StoreError> {
        let brief = self.logs.clone_with_type();
        let rows = limited(select::recorded(&brief, events)).await?;
        rows.into_iter().map(BriefRow::into_recorded).collect()
    }

    async fn read(&self, selection: &Selection, window: Window) -> Result<Vec<LogEntry>, StoreError> {
        let read = async {
            let (settled, mut session) = self.settled().await?;
            select::window(&self.logs, &mut session, settled, selection, &window).await
        };
        let rows = self.span("find").run(read).await?;
        rows.into_iter().map(|row| shown(row, selection.visibility)).collect()
    }

    async fn count(&self, selection: &Selection, at_most: i64) -> Result<i64, StoreError> {
        let (settled, mut session) = self.settled().await?;
        Ok(select::count(&self.logs, &mut session, settled, selection, at_most).await?)
    }

    /// The last settled id: a position, whether or not an entry has it.
    async fn last(&self) -> Result<Option<LogId>, StoreError> {
        let (settled, _) = self.settled().await?;
        Ok((settled > 0).then(|| LogId::from(settled)))
    }

    async fn edit(
        &self,
        id: &LogId,
        edit: Edit,
        changes: Changes,
        expected: &Expected,
        by: &Editor,
    ) -> Result<Edited, StoreError> {
        let Some(id) = number(id) else { return Ok(Edited::Missing) };
        let edited = edit::run(&self.client, &self.writer, edit::EditRequest { id, edit, changes, expected, by }).await;
        self.appended.send_modify(|count| *count = count.wrapping_add(1));
        edited
    }

    /// Starts at the oldest id, whether or not the server expires entries too.
    async fn expire(&self, cutoff: DateTime<Utc>, at_most: i64) -> Result<usize, StoreError> {
        let ages = self.logs.clone_with_type::<Document>();
        let oldest = ages.find(doc! {}).sort(doc! { "_id": 1 }).limit(at_most);
        let read = async {
            let cursor = oldest.projection(doc! { "received_at": 1 }).await?;
            cursor.try_collect::<Vec<Document>>().await
        };
        let cutoff = mongodb::bson::DateTime::from_millis(cutoff.timestamp_millis());
        let old = |found: &Document| found.get_datetime("received_at").is_ok_and(|at| *at < cutoff);
        let oldest = limited::<_, mongodb::error::Error>(read).await?.into_iter().take_while(old).last();
        let Some(last) = oldest.and_then(|found| found.get_i64("_id").ok()) else { return Ok(0) };
        let removed = limited(self.logs.delete_many(doc! { "_id": { "$lte": last } })).await?;
        Ok(usize::try_from(removed.deleted_count).unwrap_or(usize::MAX))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let now = doc! { "$currentDate": { "probed_at": true } };
        limited(self.probes.update_one(doc! { "_id": "probe" }, now).upsert(true)).await?;
        Ok(())
    }

    fn is_position(&self, id: &LogId) -> bool {
        number(id).is_some()
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}
