//! The log in SQLite: one file, one writer thread, a few readers.
//!
//! Appends share commits (the writer drains its queue into one transaction), so durability costs one fsync for many
//! requests. Readers never wait for the writer (WAL). A write that does not finish within `busy_timeout` (5 s) fails as
//! unavailable and has changed nothing.

mod change;
mod insert;
mod rows;
mod schema;
mod select;
mod tickets;

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use service_kit::sqlite::{self, Readers, SqliteError, Writer};
use service_kit::telemetry::trace::Span;
use shared_events::EventId;
use tokio::sync::watch;

use self::insert::NewRow;
use self::rows::Row;
use self::schema::logs;
use super::position::number;
use super::{Appended, LogStore, Recorded, StoreError, Window};
use crate::domain::{Changes, Edit, Edited, Editor, Expected, LogEntry, LogId, NewLogEntry, Selection, Visibility};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const FIRST_MIGRATION: &str = "0001";
const READERS: u32 = 4;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    #[error("the writer of the log store cannot start: {0}")]
    Writer(#[source] std::io::Error),
    #[error("the schema of the log store cannot be brought up to date: {0}")]
    Migration(String),
}

pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    appended: watch::Sender<u64>,
}

impl SqliteStore {
    /// Opens the file, making it and its folder if necessary, and migrates it. Safe when several processes start at the same time.
    #[expect(clippy::unused_async, reason = "opening a store is async for every adapter")]
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        sqlite::refuse_foreign(path, FIRST_MIGRATION)?;
        let mut conn = sqlite::open(path, sqlite::Role::Writer)?;
        migrate(&mut conn)?;
        let readers = Readers::open(path, READERS)?;
        let writer = Writer::start(conn).map_err(OpenError::Writer)?;
        Ok(Self { writer, readers, appended: watch::Sender::new(0) })
    }

    /// Runs the work in the writer's next transaction; its result is committed.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        Ok(self.writer.run(work).await?)
    }
}

/// One immediate transaction around all migrations: a second process waits, then finds nothing left to do.
fn migrate(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    conn.immediate_transaction(|conn| {
        conn.run_pending_migrations(MIGRATIONS)
            .map(|_| ())
            .map_err(|error| diesel::result::Error::QueryBuilderError(error.to_string().into()))
    })
    .map_err(|error| OpenError::Migration(error.to_string()))
}

/// The entry of a row, as its reader may see it.
fn shown(row: Row, visibility: Visibility) -> Result<LogEntry, StoreError> {
    row.into_entry().map(|entry| visibility.show(entry))
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Busy => Self::Busy(error.to_string()),
            error => Self::Unavailable(Box::new(error)),
        }
    }
}

fn span(operation: &'static str) -> Span {
    Span::database("sqlite", operation, Some("logs"))
}

#[async_trait]
impl LogStore for SqliteStore {
    async fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<Appended>, StoreError> {
        let rows: Vec<NewRow> = entries.into_iter().map(NewRow::from).collect();
        let append = move |conn: &mut SqliteConnection| rows.iter().map(|row| insert::append(conn, row)).collect();
        let outcome = span("insert").run(self.write(append)).await?;
        self.appended.send_modify(|count| *count = count.wrapping_add(1));
        Ok(outcome)
    }

    async fn find(&self, id: &LogId, visibility: Visibility) -> Result<Option<LogEntry>, StoreError> {
        let Some(id) = number(id) else { return Ok(None) };
        let row = span("find").run(self.readers.run(move |conn| select::find(conn, id, visibility))).await?;
        row.map(|row| shown(row, visibility)).transpose()
    }

    async fn lookup(&self, events: &[EventId]) -> Result<Vec<Recorded>, StoreError> {
        let wanted: Vec<String> = events.iter().map(ToString::to_string).collect();
        let found = self.readers.run(move |conn| select::recorded(conn, &wanted)).await?;
        found.into_iter().map(rows::recorded).collect()
    }

    async fn read(&self, selection: &Selection, window: Window) -> Result<Vec<LogEntry>, StoreError> {
        let (selection, visibility) = (selection.clone(), selection.visibility);
        let read = self.readers.run(move |conn| select::window(conn, &selection, &window));
        let rows = span("find").run(read).await?;
        rows.into_iter().map(|row| shown(row, visibility)).collect()
    }

    async fn count(&self, selection: &Selection, at_most: i64) -> Result<i64, StoreError> {
        let selection = selection.clone();
        Ok(self.readers.run(move |conn| select::count(conn, &selection, at_most)).await?)
    }

    async fn last(&self) -> Result<Option<LogId>, StoreError> {
        let newest = self.readers.run(|conn| logs::table.select(max(logs::id)).first::<Option<i64>>(conn)).await?;
        Ok(newest.map(LogId::from))
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
        let (expected, by) = (expected.clone(), by.clone());
        let work = move |conn: &mut SqliteConnection| change::edit(conn, id, edit, changes, &expected, &by);
        let edited = self.writer.operate(StoreError::from, work).await?;
        self.appended.send_modify(|count| *count = count.wrapping_add(1));
        Ok(edited)
    }

    async fn expire(&self, cutoff: DateTime<Utc>, at_most: i64) -> Result<usize, StoreError> {
        self.write(move |conn| change::expire(conn, cutoff, at_most)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let write = "INSERT INTO write_probe (id, probed_at) VALUES (1, unixepoch()) \
                     ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at";
        self.write(move |conn| diesel::sql_query(write).execute(conn)).await?;
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn is_position(&self, id: &LogId) -> bool {
        number(id).is_some()
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}
