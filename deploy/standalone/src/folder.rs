//! The data folder: made at the first start for its owner alone, used by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The data folder, locked while this value lives.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let hint = || format!("--data-dir: {} cannot be used; choose a folder that may be written to", path.display());
        // It holds password hashes and mails: no other user of the machine may read it.
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(hint)?;
        // No other process may hold it.
        let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).clone();
        let lock = options.open(path.join("lock")).with_context(hint)?;
        lock.set_permissions(Permissions::from_mode(0o600)).with_context(hint)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "--data-dir: {} is in use by another bank-standalone; stop it or choose another folder",
                    path.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(hint),
        }
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
