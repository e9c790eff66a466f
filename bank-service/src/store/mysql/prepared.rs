//! Inserts on hot paths that MySQL prepares once per connection.
//!
//! diesel prepares, executes and closes every INSERT anew: a round trip more each time, and the parser's work on the server.
//! A node of our own may be kept, since its text depends on nothing but the number of rows. SQLite has no round trip, so
//! these are for MySQL and MariaDB only.

use diesel::connection::Connection;
use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

use super::connection::MysqlConn;

/// Statements of more rows than that are not kept: each number of rows is a statement of its own on the server.
const MOST_ROWS: usize = 8;

/// A row whose statement is kept; `kept_row!` makes one.
pub(in crate::store) trait KeptRow {
    /// `INSERT INTO table (columns) VALUES `.
    const INSERT: &'static str;

    /// Binds the columns, in their order.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Mysql>) -> QueryResult<()>;
}

/// Inserts the rows, by as few statements as there may be; gives how many there are.
pub(in crate::store) fn insert<R: KeptRow>(conn: &mut MysqlConn, rows: &[R]) -> QueryResult<usize> {
    rows.chunks(MOST_ROWS).map(|rows| conn.execute_returning_count(&Insert { rows })).sum()
}

struct Insert<'a, R> {
    rows: &'a [R],
}

impl<R> QueryId for Insert<'_, R> {
    type QueryId = ();
    /// The text tells them apart.
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
