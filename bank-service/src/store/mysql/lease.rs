//! A lease row by the server's clock: it says which replica does work that only one may do.
//!
//! It has its own connection, outside of the pool: under overload every caller waits for the pool, and a lease that cannot be
//! renewed in time is lost. Every call may be dropped at any time; the connection is then dropped with it. For MySQL and MariaDB
//! only: a SQLite file belongs to one process.

use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::store::{LeaseRow, StoreError};

const LONG_AGO: &str = "1970-01-02 00:00:00";

/// One named lease, as one holder uses it.
pub(super) struct MysqlLease {
    opts: Opts,
    name: &'static str,
    holder: String,
    conn: Option<Conn>,
}

impl MysqlLease {
    /// `holder` identifies this holder among all: a new id of at most 36 characters.
    pub(super) fn new(opts: Opts, name: &'static str, holder: String) -> Self {
        Self { opts, name, holder, conn: None }
    }

    /// Taken out while in use, so that a dropped call drops the connection.
    async fn connected(&mut self) -> Result<Conn, StoreError> {
        if let Some(conn) = self.conn.take() {
            return Ok(conn);
        }
        let mut conn = Conn::new(self.opts.clone()).await.map_err(|error| unavailable(&error))?;
        let sql = "INSERT IGNORE INTO leases (name, holder, expires_at) VALUES (?, '', ?)";
        conn.exec_drop(sql, (self.name, LONG_AGO)).await.map_err(|error| unavailable(&error))?;
        Ok(conn)
    }
}

#[async_trait]
impl LeaseRow for MysqlLease {
    fn holder(&self) -> &str {
        &self.holder
    }

    async fn hold(&mut self, length: Duration) -> Result<bool, StoreError> {
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        let sql = "UPDATE leases SET holder = ?, expires_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND \
                   WHERE name = ? AND (holder = ? OR expires_at <= UTC_TIMESTAMP(6))";
        let parameters = (self.holder.clone(), micros, self.name, self.holder.clone());
        let mut conn = self.connected().await?;
        conn.exec_drop(sql, parameters).await.map_err(|error| unavailable(&error))?;
        let ours = conn.affected_rows() == 1;
        self.conn = Some(conn);
        Ok(ours)
    }

    async fn give_up(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE leases SET holder = '', expires_at = ? WHERE name = ? AND holder = ?";
        let parameters = (LONG_AGO, self.name, self.holder.clone());
        let mut conn = self.connected().await?;
        conn.exec_drop(sql, parameters).await.map_err(|error| unavailable(&error))?;
        conn.disconnect().await.map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &mysql_async::Error) -> StoreError {
    StoreError::Unavailable { reason: error.to_string() }
}
