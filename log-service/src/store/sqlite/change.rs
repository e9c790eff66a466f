//! Edits and removals; each runs inside the writer's transaction and answers with the row.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::insert;
use super::rows::Row;
use super::schema::logs;
use crate::domain::{Changes, Edit, Edited, Editor, Expected, LogEntry, is_append_only};
use crate::store::StoreError;
use crate::store::position::SearchKeys;

#[derive(AsChangeset)]
#[diesel(table_name = logs)]
struct ChangedColumns {
    message: Option<String>,
    search: Option<String>,
    data: Option<String>,
}

/// Changes or removes the entry and inserts its record: all or nothing, since an error rolls both back. The fingerprint of
/// the received content stays.
pub(super) fn edit(
    conn: &mut SqliteConnection,
    id: i64,
    edit: Edit,
    changes: Changes,
    expected: &Expected,
    by: &Editor,
) -> Result<Edited, StoreError> {
    let Some(before) = read(conn, id).map_err(failed)?.map(Row::into_entry).transpose()? else {
        return Ok(Edited::Missing);
    };
    if is_append_only(&before.event_type) {
        return Ok(Edited::AppendOnly);
    }
    if !expected.accepts(&before) {
        return Ok(Edited::Stale);
    }
    let record = insert::NewRow::from(by.record(edit, &before, &changes.fields()));
    insert::append(conn, &record).map_err(failed)?;
    let now = match edit {
        Edit::Delete => {
            diesel::delete(logs::table.find(id)).execute(conn).map_err(failed)?;
            before
        }
        Edit::Update => {
            update(conn, id, &before, changes).map_err(failed)?;
            read(conn, id).map_err(failed)?.map(Row::into_entry).transpose()?.unwrap_or(before)
        }
    };
    Ok(Edited::Done(Box::new(now)))
}

fn update(conn: &mut SqliteConnection, id: i64, before: &LogEntry, changes: Changes) -> QueryResult<usize> {
    let message = changes.message.as_ref().unwrap_or(&before.message);
    let data = changes.data.as_ref().unwrap_or(&before.data);
    let keys = SearchKeys::of(&before.event_type, before.user_id, message, data);
    let viewers = (logs::viewer_1.eq(keys.viewer(0)), logs::viewer_2.eq(keys.viewer(1)));
    let columns = ChangedColumns {
        search: Some(keys.text),
        message: changes.message,
        data: changes.data.map(|data| data.to_string()),
    };
    diesel::update(logs::table.find(id)).set((columns, viewers)).execute(conn)
}

fn failed(error: diesel::result::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// Removes from the oldest end only, where entries are received in the order of their ids; so the inserts need no index on
/// the time of receipt.
pub(super) fn expire(conn: &mut SqliteConnection, cutoff: DateTime<Utc>, at_most: i64) -> QueryResult<usize> {
    let oldest: Vec<(i64, i64)> =
        logs::table.order(logs::id.asc()).limit(at_most).select((logs::id, logs::received_at)).load(conn)?;
    let expired = oldest.into_iter().take_while(|(_, received_at)| *received_at < cutoff.timestamp_micros()).last();
    match expired {
        Some((id, _)) => diesel::delete(logs::table.filter(logs::id.le(id))).execute(conn),
        None => Ok(0),
    }
}

fn read(conn: &mut SqliteConnection, id: i64) -> QueryResult<Option<Row>> {
    logs::table.find(id).select(Row::as_select()).first(conn).optional()
}
