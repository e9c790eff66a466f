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

/// The most rows of a statement.
const MOST_ROWS: usize = 256;

/// How many of the rows the next statement inserts. Each number of rows is a statement of its own on the server, which a connection
/// prepares once, so few numbers occur: 1 to 7, the multiples of 8 below 64, and those of 64. Any number of rows up to the most
/// takes three statements, and up to 64 two.
fn rows_at_once(left: usize) -> usize {
    match left {
        0..8 => left,
        8..64 => left / 8 * 8,
        64..MOST_ROWS => left / 64 * 64,
        MOST_ROWS.. => MOST_ROWS,
    }
}

/// A row whose INSERT statement is cached; `kept_row!` implements it.
pub(in crate::store) trait KeptRow {
    /// `INSERT INTO table (columns) VALUES `.
    const INSERT: &'static str;

    /// The statement's end, after the rows.
    const END: &'static str;

    /// Binds the columns, in order.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Mysql>) -> QueryResult<()>;
}

/// Inserts the rows in as few statements as possible; returns how many there are.
pub(in crate::store) fn insert<R: KeptRow>(conn: &mut MysqlConn, rows: &[R]) -> QueryResult<usize> {
    let (mut left, mut inserted) = (rows, 0);
    while !left.is_empty() {
        let (rows, rest) = left.split_at(rows_at_once(left.len()));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn few_statements_insert_any_number_of_rows() {
        let mut numbers = BTreeSet::new();
        for rows in 1..=2 * MOST_ROWS {
            let (mut left, mut statements) = (rows, 0);
            while left > 0 {
                let some = rows_at_once(left);
                assert!((1..=left.min(MOST_ROWS)).contains(&some), "{some} of {left}");
                numbers.insert(some);
                left -= some;
                statements += 1;
            }
            let most = if rows <= 64 { 2 } else { 3 + rows / MOST_ROWS };
            assert!(statements <= most, "{statements} statements for {rows} rows");
        }
        assert_eq!(numbers.len(), 18, "{numbers:?}");
    }
}
