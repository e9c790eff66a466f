//! The one hot statement: an insert that leaves an existing event alone and returns which of both happened.
//!
//! Diesel prepares every INSERT anew. This one is a query node of its own that diesel may cache, so a batch costs one
//! prepare for the life of the connection; and each entry gets its own result, which a multi-row insert would not return in
//! order.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::schema::logs;
use crate::domain::{LogId, NewLogEntry};
use crate::store::Appended;
use crate::store::position::SearchKeys;

/// An entry in the form of its columns, made before the writer thread runs.
pub(super) struct NewRow {
    event_id: String,
    event_type: String,
    source: String,
    user_id: Option<i64>,
    date: i64,
    received_at: i64,
    fingerprint: Vec<u8>,
    message: String,
    search: String,
    data: String,
    viewer_1: Option<i64>,
    viewer_2: Option<i64>,
}

impl From<NewLogEntry> for NewRow {
    fn from(entry: NewLogEntry) -> Self {
        let keys = SearchKeys::of(&entry.event_type, entry.user_id, &entry.message, &entry.data);
        Self {
            event_id: entry.event_id.to_string(),
            fingerprint: entry.fingerprint().as_bytes().to_vec(),
            event_type: entry.event_type.into(),
            source: entry.source,
            user_id: entry.user_id.map(i64::from),
            date: entry.date.timestamp(),
            received_at: entry.received_at.timestamp_micros(),
            viewer_1: keys.viewer(0),
            viewer_2: keys.viewer(1),
            search: keys.text,
            message: entry.message,
            data: entry.data.to_string(),
        }
    }
}

/// Inserts the row, or finds the existing one with its event id.
pub(super) fn append(conn: &mut SqliteConnection, row: &NewRow) -> QueryResult<Appended> {
    if let Some(id) = InsertRow(row).get_result::<i64>(conn).optional()? {
        return Ok(Appended::Recorded(LogId::from(id)));
    }
    let (id, fingerprint): (i64, Vec<u8>) =
        logs::table.filter(logs::event_id.eq(&row.event_id)).select((logs::id, logs::fingerprint)).first(conn)?;
    Ok(Appended::Duplicate { id: LogId::from(id), same_content: fingerprint == row.fingerprint })
}

struct InsertRow<'a>(&'a NewRow);

impl QueryId for InsertRow<'_> {
    type QueryId = InsertRow<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertRow<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<SqliteConnection> for InsertRow<'_> {}

impl QueryFragment<Sqlite> for InsertRow<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let row = self.0;
        out.push_sql(
            "INSERT INTO logs (event_id, event_type, source, user_id, date, received_at, fingerprint, message, search, \
             data, viewer_1, viewer_2) VALUES (",
        );
        out.push_bind_param::<Text, _>(&row.event_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.event_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.source)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&row.user_id)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&row.date)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&row.received_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&row.fingerprint)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.message)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.search)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.data)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&row.viewer_1)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&row.viewer_2)?;
        out.push_sql(") ON CONFLICT (event_id) DO NOTHING RETURNING id");
        Ok(())
    }
}
