//! All code for MySQL and MariaDB, and all code that uses their driver: a program may be built without it.

mod block_size;
mod blocks;
mod connection;
mod connections;
mod for_share;
mod lease;
mod migrations;
mod options;
mod pool;
mod prepared;
mod transaction;

pub(super) use block_size::Blocks;
pub(super) use connection::MysqlConn;
pub(super) use connections::open;
pub(super) use for_share::for_share;
pub(super) use migrations::{MIGRATIONS, is_relay_leased, lock, unlock};
pub(super) use options::parse;
pub(super) use pool::MysqlPool;
pub(super) use prepared::{KeptRow, insert};
