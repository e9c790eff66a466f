//! SQLite: a pool of reading connections, and the one writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use service_kit::sqlite::{Role, Writer};

use super::sqlite_id_hooks::IdHooks;
use super::work::{Failure, Read, Value};
use super::{Db, Ids, StoreError};

/// Reads are short, and the page cache is shared by the kernel: a few connections keep two cores busy.
const READERS: u32 = 8;
/// How long a read waits for a connection before it fails with [`StoreError::Busy`].
const CHECKOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct SqlitePool {
    writer: Writer<Db>,
    readers: r2d2::Pool<Readers>,
}

impl SqlitePool {
    pub(super) fn connect(path: &Path, ids: Arc<Ids>) -> Result<Self, StoreError> {
        let writer =
            Writer::start_with(open(path, Role::Writer)?, IdHooks::new(ids)).map_err(|error| unavailable(&error))?;
        let readers = r2d2::Pool::builder()
            .max_size(READERS)
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT)
            .test_on_check_out(false)
            .build(Readers { path: path.to_string_lossy().into_owned() })
            .map_err(|error| unavailable(&error))?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn read(&self, read: Read) -> Result<Value, StoreError> {
        let readers = self.readers.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut conn = readers.get().map_err(|_| StoreError::Busy)?;
            Ok(read(&mut conn))
        });
        done.await.unwrap_or_else(|error| Err(unavailable(&error)))
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
}

fn unavailable(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable { reason: error.to_string() }
}

pub(super) fn open(path: &Path, role: Role) -> Result<Db, StoreError> {
    Ok(Db::Sqlite(service_kit::sqlite::open(path, role)?))
}

#[derive(Debug)]
struct Readers {
    path: String,
}

impl r2d2::ManageConnection for Readers {
    type Connection = Db;
    type Error = StoreError;

    fn connect(&self) -> Result<Db, StoreError> {
        open(Path::new(&self.path), Role::Reader)
    }

    fn is_valid(&self, _: &mut Db) -> Result<(), StoreError> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Db) -> bool {
        false
    }
}
