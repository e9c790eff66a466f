//! Changes and removals: one transaction with their record.
//!
//! The record's id is taken from the sequence before the transaction begins, as for every entry, so that no entry appears before
//! one that a reader has passed. If two edits conflict, or a member steps down, the whole is tried again under another id.

use std::time::Duration;

use mongodb::bson::doc;
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::ReturnDocument;
use mongodb::{Client, ClientSession, Collection};

use super::append::Writer;
use super::errors::{MongoError, limited};
use super::insert::is_duplicate;
use super::rows::{self, NewRow, Row};
use super::select;
use crate::domain::{Changes, Edit, Edited, Editor, Expected, LogEntry, Visibility, is_append_only};
use crate::store::StoreError;

const MAX_ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct EditRequest<'a> {
    pub(super) id: i64,
    pub(super) edit: Edit,
    pub(super) changes: Changes,
    pub(super) expected: &'a Expected,
    pub(super) by: &'a Editor,
}

enum Failure {
    /// Nothing took effect, and a retry may help.
    Lost,
    Store(StoreError),
}

impl From<MongoError> for Failure {
    fn from(error: MongoError) -> Self {
        Self::Store(error.into())
    }
}

pub(super) async fn run(client: &Client, writer: &Writer, request: EditRequest<'_>) -> Result<Edited, StoreError> {
    for tried in 0..MAX_ATTEMPTS {
        tokio::time::sleep(PAUSE * tried).await;
        let span = writer.sequence.open(1).await?;
        let edited = transaction(client, writer, span.first, &request).await;
        // A failed commit may still take effect.
        if edited.is_err() || writer.sequence.close(span).await.is_err() {
            writer.leave(span);
        }
        match edited {
            Ok(edited) => return Ok(edited),
            Err(Failure::Lost) => {}
            Err(Failure::Store(error)) => return Err(error),
        }
    }
    Err(MongoError::Busy("the entry is being changed by others".to_owned()).into())
}

async fn transaction(
    client: &Client,
    writer: &Writer,
    record: i64,
    request: &EditRequest<'_>,
) -> Result<Edited, Failure> {
    let mut session = limited(client.start_session()).await?;
    limited(session.start_transaction()).await?;
    let edited = within(&mut session, writer, record, request).await;
    match &edited {
        Ok(Edited::Done(_)) => commit(&mut session).await?,
        Ok(Edited::Missing | Edited::AppendOnly | Edited::Stale) | Err(_) => {
            if let Err(error) = limited(session.abort_transaction()).await {
                tracing::debug!(%error, "a transaction was not rolled back; it ends by itself");
            }
        }
    }
    edited
}

async fn within(
    session: &mut ClientSession,
    writer: &Writer,
    record: i64,
    request: &EditRequest<'_>,
) -> Result<Edited, Failure> {
    let logs: Collection<Row> = writer.logs.clone_with_type();
    let one = || select::one(request.id, Visibility::Staff);
    let found = logs.find_one(one()).projection(Row::projection()).session(&mut *session);
    let Some(before) = entry(call(found).await?)? else { return Ok(Edited::Missing) };
    if is_append_only(&before.event_type) {
        return Ok(Edited::AppendOnly);
    }
    if !request.expected.accepts(&before) {
        return Ok(Edited::Stale);
    }
    let mut row = NewRow::from(request.by.record(request.edit, &before, &request.changes.fields()));
    row.id = record;
    call(writer.logs.insert_one(&row).session(&mut *session)).await?;
    let now = match request.edit {
        Edit::Update => {
            let update = logs.find_one_and_update(one(), rows::change(&before, request.changes.clone()));
            let update = update.projection(Row::projection()).return_document(ReturnDocument::After);
            entry(call(update.session(&mut *session)).await?)?
        }
        Edit::Delete => {
            call(logs.delete_one(doc! { "_id": request.id }).session(&mut *session)).await?;
            Some(before)
        }
    };
    Ok(now.map_or(Edited::Missing, |entry| Edited::Done(Box::new(entry))))
}

/// A commit without an answer is sent again: the server knows whether it took effect.
async fn commit(session: &mut ClientSession) -> Result<(), Failure> {
    for _ in 1..MAX_ATTEMPTS {
        match call(async { Ok(session.commit_transaction().await) }).await? {
            Ok(()) => return Ok(()),
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
            Err(error) => return Err(of(error)),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(MongoError::Unavailable("the commit was not answered".to_owned()).into())
}

fn entry(row: Option<Row>) -> Result<Option<LogEntry>, Failure> {
    row.map(Row::into_entry).transpose().map_err(Failure::Store)
}

/// A call within its time limit. An id that was voided meanwhile is a duplicate; another id helps.
async fn call<T>(call: impl IntoFuture<Output = Result<T, Error>>) -> Result<T, Failure> {
    let called = limited(async { Ok::<_, MongoError>(call.await) }).await?;
    called.map_err(of)
}

fn of(error: Error) -> Failure {
    let is_duplicate = is_duplicate(&error);
    if is_duplicate || error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        Failure::Lost
    } else {
        Failure::Store(MongoError::from(error).into())
    }
}
