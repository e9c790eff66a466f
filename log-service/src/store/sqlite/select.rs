//! Reads: a selection as one query or, for a user, as three; a window over it, and a limited count.
//!
//! Each of the three has an index of its own that is in the order of ids. SQLite merges what they find, so a page costs what it
//! shows, and not what the user has.

use diesel::dsl::AsSelect;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::rows::Row;
use super::schema::logs;
use crate::domain::{Filter, Order, Selection, Visibility};
use crate::store::position::{folded, number};
use crate::store::{Start, Window};

type Matching<'a> = logs::BoxedQuery<'a, Sqlite>;
type Rows<'a> = logs::BoxedQuery<'a, Sqlite, AsSelect<Row, Sqlite>>;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The position of a text in another, 0 if it is not there.
    fn instr(text: diesel::sql_types::Text, part: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// The rows of a selection as queries, of which no two find the same row.
fn parts(selection: &Selection) -> Vec<Matching<'_>> {
    let all = || matching(&selection.filter);
    let Visibility::Own(user) = selection.visibility else { return vec![all()] };
    let user = user.get();
    let mut parts = vec![all().filter(logs::user_id.eq(user))];
    // The reader is not shown the user who caused another one's entry, and finds none by that user.
    if selection.filter.user_id.is_none() {
        parts.push(all().filter(logs::viewer_1.eq(user)));
        parts.push(all().filter(logs::viewer_2.eq(user)));
    }
    parts
}

/// The rows that pass a filter.
fn matching(filter: &Filter) -> Matching<'_> {
    let mut query = logs::table.into_boxed();
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
    page(selection, window).map_or_else(|| Ok(Vec::new()), |page| page.load(conn))
}

fn page<'a>(selection: &'a Selection, window: &Window) -> Option<Merged<Rows<'a>>> {
    let mut parts = parts(selection);
    let mut skipped = 0;
    match &window.start {
        Start::Offset(offset) => skipped = *offset,
        Start::After(None) => {}
        Start::After(Some(after)) => {
            let after = number(after)?;
            parts = narrowed(parts, |part| match window.order {
                Order::Ascending => part.filter(logs::id.gt(after)),
                Order::Descending => part.filter(logs::id.lt(after)),
            });
        }
    }
    if let Some(until) = &window.until {
        let until = number(until)?;
        parts = narrowed(parts, |part| part.filter(logs::id.le(until)));
    }
    Some(Merged { parts: rows(parts), order: Some(window.order), limit: window.limit, skipped })
}

fn narrowed<'a>(parts: Vec<Matching<'a>>, by: impl Fn(Matching<'a>) -> Matching<'a>) -> Vec<Matching<'a>> {
    parts.into_iter().map(by).collect()
}

fn rows(parts: Vec<Matching<'_>>) -> Vec<Rows<'_>> {
    parts.into_iter().map(|part| part.select(columns())).collect()
}

fn columns() -> AsSelect<Row, Sqlite> {
    Row::as_select()
}

/// One row, if the reader may see it.
pub(super) fn find(conn: &mut SqliteConnection, id: i64, visibility: Visibility) -> QueryResult<Option<Row>> {
    let selection = Selection { visibility, filter: Filter::default() };
    let parts = narrowed(parts(&selection), |part| part.filter(logs::id.eq(id)));
    Merged { parts: rows(parts), order: None, limit: 1, skipped: 0 }.get_result(conn).optional()
}

/// Id, event and time of the recorded ones of these events.
pub(super) fn recorded(conn: &mut SqliteConnection, events: &[String]) -> QueryResult<Vec<(i64, String, i64)>> {
    let found = logs::table.filter(logs::event_id.eq_any(events));
    found.select((logs::id, logs::event_id, logs::received_at)).load(conn)
}

/// The number of selected rows, at most `at_most`.
pub(super) fn count(conn: &mut SqliteConnection, selection: &Selection, at_most: i64) -> QueryResult<i64> {
    let ids = parts(selection).into_iter().map(|part| part.select(logs::id)).collect::<Vec<_>>();
    CountOf(Merged { parts: ids, order: None, limit: at_most, skipped: 0 }).get_result(conn)
}

/// Queries of the same columns as one query, ordered by the first column.
struct Merged<Q> {
    parts: Vec<Q>,
    order: Option<Order>,
    limit: i64,
    skipped: i64,
}

impl<Q> QueryId for Merged<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Merged<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<SqliteConnection> for Merged<Q> {}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Merged<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                out.push_sql(" UNION ALL ");
            }
            part.walk_ast(out.reborrow())?;
        }
        match self.order {
            Some(Order::Ascending) => out.push_sql(" ORDER BY 1"),
            Some(Order::Descending) => out.push_sql(" ORDER BY 1 DESC"),
            None => {}
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.skipped)
    }
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

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;
    use diesel_migrations::MigrationHarness as _;
    use shared_events::UserId;

    use super::*;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// How SQLite reads a page of this user, step by step.
    fn plan(conn: &mut SqliteConnection, filter: Filter, order: Order) -> Vec<String> {
        let selection = Selection { visibility: Visibility::Own(UserId::try_new(7).unwrap()), filter };
        let window = Window { order, start: Start::After("5".parse().ok()), limit: 10, until: None };
        let sql = diesel::debug_query::<Sqlite, _>(&page(&selection, &window).unwrap()).to_string();
        let sql = sql.split(" -- binds").next().unwrap();
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    }

    #[test]
    fn a_page_of_a_user_is_read_from_three_indexes_in_their_order() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.run_pending_migrations(crate::store::sqlite::MIGRATIONS).unwrap();
        let text = |text: &str| Some(text.to_owned());
        for filter in [
            Filter::default(),
            Filter { event_type: text("transfer.posted"), ..Filter::default() },
            Filter { text: text("rent"), source: text("urn:bank-service"), ..Filter::default() },
            Filter { from: Some(chrono::DateTime::UNIX_EPOCH), ..Filter::default() },
        ] {
            for order in [Order::Ascending, Order::Descending] {
                let plan = plan(&mut conn, filter.clone(), order);
                for column in ["user_id", "viewer_1", "viewer_2"] {
                    let step = format!("SEARCH logs USING INDEX logs_{column} ({column}=? AND rowid");
                    assert!(plan.iter().any(|found| found.starts_with(&step)), "{step} is not in {plan:#?}");
                }
                assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "it is sorted: {plan:#?}");
            }
        }
    }
}
