//! The suite's store: SQLite files.

use log_service::config::Config;

/// A store for one test alone; removed with its last user.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A service on a free port with this store.
    pub(crate) fn config(&self) -> Config {
        Config::new("127.0.0.1:0", &format!("sqlite:{}", self.file().display()))
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("data/logs.sqlite")
    }
}
