//! `secret.key` beside a SQLite database, in which `bank-standalone` keeps the `SECRET_KEY` that it made.
//!
//! `rotate-secret` replaces it: the new content is on the disk before anything is sealed anew, and takes the file's
//! place after the commit. A crash in between leaves the old key in the file; the same command once more replaces it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use service_kit::config::Secret;

use crate::config::KEY_FILE;
use crate::store::DatabaseUrl;

/// A file that holds the old key, and has the new one ready beside it.
pub(super) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// None: there is no such file beside this database, or it holds another key than the old one.
    pub(super) fn prepare(database: &DatabaseUrl, old: &Secret, new: &Secret) -> io::Result<Option<Self>> {
        let Some(path) = database.file().map(|file| file.with_file_name(KEY_FILE)) else { return Ok(None) };
        match fs::read(&path) {
            Ok(held) if held.trim_ascii_end() == old.expose().as_bytes().trim_ascii_end() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = Self { path };
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let mut prepared = options.open(file.prepared())?;
        prepared.set_permissions(Permissions::from_mode(0o600))?;
        prepared.write_all(new.expose().as_bytes())?;
        prepared.sync_all()?;
        Ok(Some(file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the new key in the place of the old one.
    pub(super) fn replace(&self) -> io::Result<()> {
        fs::rename(self.prepared(), &self.path)?;
        // The change of names has to outlive a power cut, too.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Leaves the old key in its place.
    pub(super) fn discard(&self) {
        // What is left behind is not read.
        fs::remove_file(self.prepared()).ok();
    }

    fn prepared(&self) -> PathBuf {
        self.path.with_extension("key.new")
    }
}
