//! Inserts on hot paths that MySQL prepares once per connection.
//!
//! diesel prepares, executes and closes every INSERT anew: one more round trip each time, and parsing on the server. The
//! statement of our own query node can be cached, since its text depends on the number of rows only. SQLite has no round trip, so
//! these are for MySQL and MariaDB only.

use diesel::connection::Connection;
use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

use super::connection::MysqlConn;

/// The most rows of a cached statement: each number of rows is a separate statement on the server.
const MOST_ROWS: usize = 8;

/// A row whose INSERT statement is cached; `kept_row!` implements it.
pub(in crate::store) trait KeptRow {
    /// `INSERT INTO table (columns) VALUES `.
    const INSERT: &'static str;

    /// Binds the columns, in order.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Mysql>) -> QueryResult<()>;
}

/// Inserts the rows in as few statements as possible; returns how many there are.
pub(in crate::store) fn insert<R: KeptRow>(conn: &mut MysqlConn, rows: &[R]) -> QueryResult<usize> {
    rows.chunks(MOST_ROWS).map(|rows| conn.execute_returning_count(&Insert { rows })).sum()
}

struct Insert<'a, R> {
    rows: &'a [R],
}

impl<R> QueryId for Insert<'_, R> {
    type QueryId = ();
    /// The number of rows changes the text, so the type alone does not identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: KeptRow> QueryFragment<Mysql> for Insert<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        out.push_sql(R::INSERT);
        for (index, row) in self.rows.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { ", (" });
            row.bind(&mut out)?;
            out.push_sql(")");
        }
        Ok(())
    }
}
