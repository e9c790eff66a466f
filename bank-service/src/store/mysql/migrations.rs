//! The migrations of MySQL and MariaDB, and the lock under which one process at a time runs them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::connection::MysqlConn;
use crate::store::StoreError;

pub(in crate::store) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");
const LOCK_SECONDS: u32 = 60;

pub(in crate::store) fn lock(conn: &mut MysqlConn) -> Result<(), StoreError> {
    let text = format!("GET_LOCK('bank-service.migrations', {LOCK_SECONDS})");
    match diesel::select(diesel::dsl::sql::<Nullable<BigInt>>(&text)).get_result::<Option<i64>>(conn)? {
        Some(1) => Ok(()),
        _ => Err(StoreError::Migration { reason: "another process is migrating the database".to_owned() }),
    }
}

pub(in crate::store) fn unlock(conn: &mut MysqlConn) -> Result<(), StoreError> {
    Ok(conn.batch_execute("DO RELEASE_LOCK('bank-service.migrations')")?)
}

/// Whether a process of the service runs: one of them always has the relay's lease.
pub(in crate::store) fn is_relay_leased(conn: &mut MysqlConn) -> QueryResult<bool> {
    let held = "(SELECT COUNT(*) FROM leases WHERE name = 'outbox-relay' AND expires_at > UTC_TIMESTAMP(6))";
    Ok(diesel::select(diesel::dsl::sql::<BigInt>(held)).get_result::<i64>(conn)? > 0)
}
