//! The engine behind the store: how each of the two reads and writes.

use std::sync::Arc;

#[cfg(feature = "mysql")]
use super::mysql::{self, MysqlPool};
use super::outbox;
use super::sqlite_pool::SqlitePool;
use super::work::{self, Failure, Read, Value, Write};
use super::{DatabaseUrl, Db, Ids, LeaseRow, StoreError};

#[derive(Clone)]
pub(super) enum Engine {
    #[cfg(feature = "mysql")]
    Mysql(MysqlPool),
    Sqlite(SqlitePool),
}

impl Engine {
    pub(super) fn connect(url: &DatabaseUrl, ids: &Arc<Ids>) -> Result<Self, StoreError> {
        match url {
            #[cfg(feature = "mysql")]
            DatabaseUrl::Mysql(url) => MysqlPool::connect(url, ids.clone()).map(Self::Mysql),
            DatabaseUrl::Sqlite(path) => SqlitePool::connect(path, ids.clone()).map(Self::Sqlite),
        }
    }

    /// See `Store::is_server`.
    pub(super) fn is_server(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// Its name among the values of `db.system.name`. MariaDB is reached by the protocol of MySQL, and counts as it.
    pub(super) fn system(&self) -> &'static str {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => "mysql",
            Self::Sqlite(_) => "sqlite",
        }
    }

    /// A lease shared by replicas; none where one process owns the file.
    #[cfg_attr(not(feature = "mysql"), expect(unused_variables, reason = "only a server has leases"))]
    pub(super) fn lease(&self, name: &'static str) -> Option<Box<dyn LeaseRow>> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => Some(pool.lease(name)),
            Self::Sqlite(_) => None,
        }
    }

    /// See `Store::give_back_ids`.
    #[cfg_attr(not(feature = "mysql"), expect(clippy::unused_async, reason = "only a server is asked"))]
    pub(super) async fn give_back_ids(&self) {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => pool.give_back_ids().await,
            Self::Sqlite(_) => {}
        }
    }

    /// See `Store::close`.
    pub(super) async fn close(&self) {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => {}
            Self::Sqlite(pool) => pool.close().await,
        }
    }

    pub(super) async fn read<T, E>(&self, f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let done = self.run(work::read(f)).await;
        work::was_read::<Result<T, E>>(done).unwrap_or_else(|error| Err(error.into()))
    }

    async fn run(&self, read: Read) -> Result<Value, StoreError> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => pool.read(read).await,
            Self::Sqlite(pool) => pool.read(read).await,
        }
    }

    /// Whether writes succeed, as far as can be known without writing.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => pool.probe(),
            Self::Sqlite(pool) => pool.probe().await,
        }
    }

    /// One transaction: the work and its events.
    pub(super) async fn write(&self, work: Write) -> Result<Value, Failure> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(pool) => pool.write(work).await,
            Self::Sqlite(pool) => pool.write(outbox::with_events(work)).await,
        }
    }
}

/// One connection outside of any pool, for migrations.
pub(super) fn open(url: &DatabaseUrl) -> Result<Db, StoreError> {
    match url {
        #[cfg(feature = "mysql")]
        DatabaseUrl::Mysql(url) => mysql::open(url),
        DatabaseUrl::Sqlite(path) => super::sqlite_pool::open(path, service_kit::sqlite::Role::Writer),
    }
}

/// A read-only connection to an existing database: it creates no file and changes none. Blocks.
pub(super) fn open_to_read(url: &DatabaseUrl) -> Result<Option<Db>, StoreError> {
    match url {
        #[cfg(feature = "mysql")]
        DatabaseUrl::Mysql(url) => mysql::open(url).map(Some),
        DatabaseUrl::Sqlite(path) => Ok(service_kit::sqlite::open_to_read(path)?.map(Db::Sqlite)),
    }
}

/// The same for a database that has to be there. Blocks.
pub(super) fn open_existing(url: &DatabaseUrl) -> Result<Db, StoreError> {
    open_to_read(url)?.ok_or(StoreError::Missing)
}
