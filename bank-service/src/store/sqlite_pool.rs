//! SQLite: a pool of reading connections, and the one writer.

use std::path::Path;
use std::sync::Arc;

use service_kit::sqlite::{Readers, Role, Writer};

use super::sqlite_id_hooks::IdHooks;
use super::work::{Failure, Read, Value};
use super::{Db, Ids, StoreError};

/// Reads are short, and the page cache is shared by the kernel: a few connections keep two cores busy.
const READERS: u32 = 8;

#[derive(Clone)]
pub(super) struct SqlitePool {
    writer: Writer<Db>,
    readers: Readers<Db>,
}

impl SqlitePool {
    pub(super) fn connect(path: &Path, ids: Arc<Ids>) -> Result<Self, StoreError> {
        let writer = Writer::start_with(open(path, Role::Writer)?, IdHooks::new(ids))
            .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        Ok(Self { writer, readers: Readers::open_with(path, READERS, Db::Sqlite)? })
    }

    pub(super) async fn read(&self, read: Read) -> Result<Value, StoreError> {
        Ok(self.readers.run(move |db| Ok(read(db))).await?)
    }

    /// Whether commits succeed.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        Ok(self.writer.probe().await?)
    }

    pub(super) async fn write(
        &self,
        write: impl FnOnce(&mut Db) -> Result<Value, Failure> + Send + 'static,
    ) -> Result<Value, Failure> {
        self.writer.operate(|error| StoreError::from(error).into(), write).await
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

pub(super) fn open(path: &Path, role: Role) -> Result<Db, StoreError> {
    Ok(Db::Sqlite(service_kit::sqlite::open(path, role)?))
}
