//! `SELECT … FOR SHARE`, which diesel writes in MySQL's way only.
//!
//! Both servers understand `LOCK IN SHARE MODE`, but MySQL has no `SKIP LOCKED` for it, and MariaDB has no other words. Comments of
//! a version are read by the one server and skipped by the other: MariaDB takes none of the versions 50700 to 99999, and MySQL
//! none that begins with `M`.

use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

use super::connection::MysqlConn;

const WAIT: &str = " LOCK IN SHARE MODE";
const SKIP: &str = " /*!80001 FOR SHARE SKIP LOCKED */ /*M! LOCK IN SHARE MODE SKIP LOCKED */";

/// The rows of the query, which nobody changes until the transaction ends. Those that another transaction has locked are waited
/// for, or left out.
pub(in crate::store) fn for_share<Q: Query>(query: Q, skips_locked: bool) -> ForShare<Q> {
    ForShare { query, lock: if skips_locked { SKIP } else { WAIT } }
}

#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct ForShare<Q> {
    query: Q,
    lock: &'static str,
}

impl<Q: Query> Query for ForShare<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<MysqlConn> for ForShare<Q> {}

impl<Q> QueryId for ForShare<Q> {
    type QueryId = ();
    /// The type does not say which lock it is.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Mysql>> QueryFragment<Mysql> for ForShare<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(self.lock);
        Ok(())
    }
}
