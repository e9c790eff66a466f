//! All that is for MySQL and MariaDB alone, and all that knows their driver: a program may be built without it.

mod blocks;
mod connection;
mod group_commit;
mod lease;
mod migrations;
mod options;
mod pool;
mod prepared;

pub(super) use blocks::Blocks;
pub(super) use connection::MysqlConn;
pub(super) use migrations::{MIGRATIONS, lock, unlock};
pub(super) use options::parse;
pub(super) use pool::{MysqlPool, open};
pub(super) use prepared::{KeptRow, insert};
