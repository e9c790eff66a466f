//! One connection type over two engines.
//!
//! `Db` is what every query in `store/` takes; `diesel` writes the SQL for the engine behind it. SQL that the two engines do not
//! share (batch insert, upsert, row locks) is in separate match arms, in this folder only.

use diesel::MultiConnection;
use diesel::sqlite::SqliteConnection;

#[cfg(feature = "mysql")]
use super::mysql::MysqlConn;

#[derive(MultiConnection)]
pub enum Db {
    #[cfg(feature = "mysql")]
    Mysql(MysqlConn),
    Sqlite(SqliteConnection),
}

impl Db {
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}
