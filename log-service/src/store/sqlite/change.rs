//! Edits and removals; each runs inside the writer's transaction and answers with the row.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::rows::Row;
use super::schema::logs;
use crate::domain::Changes;
use crate::store::position::folded;

#[derive(AsChangeset)]
#[diesel(table_name = logs)]
struct ChangedColumns {
    message: Option<String>,
    search: Option<String>,
    data: Option<String>,
}

/// Applies the changes that are given; the fingerprint of what was received stays.
pub(super) fn update(conn: &mut SqliteConnection, id: i64, changes: Changes) -> QueryResult<Option<Row>> {
    if !changes.is_empty() {
        let columns = ChangedColumns {
            search: changes.message.as_deref().map(folded),
            message: changes.message,
            data: changes.data.map(|data| data.to_string()),
        };
        diesel::update(logs::table.find(id)).set(columns).execute(conn)?;
    }
    read(conn, id)
}

pub(super) fn remove(conn: &mut SqliteConnection, id: i64) -> QueryResult<Option<Row>> {
    let row = read(conn, id)?;
    if row.is_some() {
        diesel::delete(logs::table.find(id)).execute(conn)?;
    }
    Ok(row)
}

/// Removes from the oldest end only, where entries are received in the order of their ids; so no index on the time of
/// receipt has to be kept up to date with every insert.
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
