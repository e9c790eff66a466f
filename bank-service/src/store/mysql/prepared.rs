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

/// The most rows of a statement. Each number of rows is a statement of its own on the server, so only powers of two occur.
const MOST_ROWS: usize = 64;

/// A row whose INSERT statement is cached; `kept_row!` implements it.
pub(in crate::store) trait KeptRow {
    /// `INSERT INTO table (columns) VALUES `.
    const INSERT: &'static str;

    /// What follows the rows.
    const END: &'static str;

    /// Binds the columns, in order.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Mysql>) -> QueryResult<()>;
}

/// Inserts the rows in as few statements as possible; returns how many there are.
pub(in crate::store) fn insert<R: KeptRow>(conn: &mut MysqlConn, rows: &[R]) -> QueryResult<usize> {
    let (mut left, mut inserted) = (rows, 0);
    while !left.is_empty() {
        let many = MOST_ROWS.min(1 << left.len().ilog2());
        let (rows, rest) = left.split_at(many);
        inserted += conn.execute_returning_count(&Insert { rows })?;
        left = rest;
    }
    Ok(inserted)
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
        out.push_sql(R::END);
        Ok(())
    }
}
