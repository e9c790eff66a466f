//! The data folder: made at the first start for its owner alone, used by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

pub(crate) const LOCK: &str = "lock";

/// The data folder, locked while this value lives.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Whether another process holds the folder. Makes nothing.
pub(crate) fn is_in_use(path: &Path) -> bool {
    File::open(path.join(LOCK)).is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl DataFolder {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let hint = || {
            let path = path.display();
            format!("--data-dir: {path} cannot be used; choose a folder that may be written to and is not in use")
        };
        // It holds password hashes and mails: no other user of the machine may read it.
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(hint)?;
        // No other process may hold it.
        let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).clone();
        let lock = options.open(path.join(LOCK)).with_context(hint)?;
        lock.set_permissions(Permissions::from_mode(0o600)).with_context(hint)?;
        lock.try_lock().with_context(hint)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
