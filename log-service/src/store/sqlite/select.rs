//! Reads: a selection as a query, a window over it, and a limited count.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::rows::Row;
use super::schema::logs;
use crate::domain::{Order, Selection, Visibility};
use crate::store::position::{folded, number};
use crate::store::{Start, Window};

type Matching<'a> = logs::BoxedQuery<'a, Sqlite>;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The position of a text in another, 0 if it is not there.
    fn instr(text: diesel::sql_types::Text, part: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// The rows of a selection.
fn matching(selection: &Selection) -> Matching<'_> {
    let filter = &selection.filter;
    let mut query = logs::table.into_boxed();
    if let Visibility::Own(user) = selection.visibility {
        query = query.filter(logs::user_id.eq(user.get()));
    }
    if let Some(user) = filter.user_id {
        query = query.filter(logs::user_id.eq(user.get()));
    }
    if let Some(event_type) = &filter.event_type {
        query = query.filter(logs::event_type.eq(event_type));
    }
    if let Some(source) = &filter.source {
        query = query.filter(logs::source.eq(source));
    }
    if let Some(from) = filter.from {
        query = query.filter(logs::date.ge(from.timestamp()));
    }
    if let Some(to) = filter.to {
        query = query.filter(logs::date.le(to.timestamp()));
    }
    if let Some(text) = &filter.text {
        query = query.filter(instr(logs::search, folded(text)).gt(0));
    }
    query
}

/// The rows of a window. A position of another store's form selects nothing.
pub(super) fn window(conn: &mut SqliteConnection, selection: &Selection, window: &Window) -> QueryResult<Vec<Row>> {
    let mut query = matching(selection).limit(window.limit);
    match &window.start {
        Start::Offset(offset) => query = query.offset(*offset),
        Start::After(None) => {}
        Start::After(Some(after)) => {
            let Some(after) = number(after) else { return Ok(Vec::new()) };
            query = match window.order {
                Order::Ascending => query.filter(logs::id.gt(after)),
                Order::Descending => query.filter(logs::id.lt(after)),
            };
        }
    }
    if let Some(until) = &window.until {
        let Some(until) = number(until) else { return Ok(Vec::new()) };
        query = query.filter(logs::id.le(until));
    }
    let query = match window.order {
        Order::Ascending => query.order(logs::id.asc()),
        Order::Descending => query.order(logs::id.desc()),
    };
    query.select(Row::as_select()).load(conn)
}

/// One row, if the reader may see it.
pub(super) fn find(conn: &mut SqliteConnection, id: i64, visibility: Visibility) -> QueryResult<Option<Row>> {
    let selection = Selection { visibility, filter: crate::domain::Filter::default() };
    matching(&selection).filter(logs::id.eq(id)).select(Row::as_select()).first(conn).optional()
}

/// Id, event and time of the recorded ones of these events.
pub(super) fn recorded(conn: &mut SqliteConnection, events: &[String]) -> QueryResult<Vec<(i64, String, i64)>> {
    let found = logs::table.filter(logs::event_id.eq_any(events));
    found.select((logs::id, logs::event_id, logs::received_at)).load(conn)
}

/// The number of selected rows, at most `at_most`.
pub(super) fn count(conn: &mut SqliteConnection, selection: &Selection, at_most: i64) -> QueryResult<i64> {
    CountOf(matching(selection).select(logs::id).limit(at_most)).get_result(conn)
}

/// `SELECT COUNT(*) FROM (query)`, which diesel's own language cannot express.
struct CountOf<Q>(Q);

impl<Q> QueryId for CountOf<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for CountOf<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<SqliteConnection> for CountOf<Q> {}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for CountOf<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
