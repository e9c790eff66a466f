//! The engine behind the store: how each of the two reads, and how it writes.

use std::sync::Arc;

use super::mysql_pool::MysqlPool;
use super::outbox::{self, WithRows};
use super::sqlite_pool::SqlitePool;
use super::together::Together;
use super::{DatabaseUrl, Db, Ids, OperationError, StoreError};

#[derive(Clone)]
pub(super) enum Engine {
    Mysql(MysqlPool),
    Sqlite(SqlitePool),
}

impl Engine {
    pub(super) fn connect(url: &DatabaseUrl, ids: &Arc<Ids>) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Mysql(url) => MysqlPool::connect(url).map(Self::Mysql),
            DatabaseUrl::Sqlite(path) => SqlitePool::connect(path, ids.clone()).map(Self::Sqlite),
        }
    }

    /// How another connection to the same server is made; none for a file.
    pub(super) fn options(&self) -> Option<mysql_async::Opts> {
        match self {
            Self::Mysql(pool) => Some(pool.options()),
            Self::Sqlite(_) => None,
        }
    }

    pub(super) async fn read<T, E>(&self, f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self {
            Self::Mysql(pool) => pool.read(f).await,
            Self::Sqlite(pool) => pool.read(f).await,
        }
    }

    /// Whether writes succeed, as far as is known without writing.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        match self {
            Self::Mysql(_) => Ok(()),
            Self::Sqlite(pool) => pool.probe().await,
        }
    }

    /// One transaction: the work, and the events that it gives.
    pub(super) async fn write<T, E>(
        &self,
        ids: &Arc<Ids>,
        work: impl Fn(&mut Db) -> WithRows<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        let whole = outbox::with_events(work);
        match self {
            Self::Mysql(pool) => pool.write(ids.clone(), whole).await,
            Self::Sqlite(pool) => pool.write(whole).await,
        }
    }

    /// The same, in a transaction with others where that is quicker. For work that only adds rows.
    pub(super) async fn write_together<T, E>(
        &self,
        together: &Together,
        ids: &Arc<Ids>,
        work: impl Fn(&mut Db) -> WithRows<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        match self {
            Self::Mysql(pool) => together.write(pool, ids, work).await,
            // Its writer commits in groups anyway.
            Self::Sqlite(_) => self.write(ids, work).await,
        }
    }
}

/// One connection outside of any pool, for migrations.
pub(super) fn open(url: &DatabaseUrl) -> Result<Db, StoreError> {
    match url {
        DatabaseUrl::Mysql(url) => super::mysql_pool::open(url),
        DatabaseUrl::Sqlite(path) => super::sqlite_pool::open(path, service_kit::sqlite::Role::Writer),
    }
}
