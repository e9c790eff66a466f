//! SQLite for services that keep their own small store.
//!
//! One writer thread commits in groups ([`Writer`]); any number of readers run beside it ([`Readers`]). WAL, so that they do
//! not wait for each other; `synchronous=FULL`, so that an answered write is on the disk.
//!
//! A store is closed by closing its readers, then its writer: then its file alone is the whole database, even if parts of the
//! process still hold the store.

mod foreign;
mod in_use;
mod open;
mod own_files;
mod readers;
mod url;
mod writer;

use std::path::{Path, PathBuf};

pub use foreign::{open_to_read, refuse_foreign};
pub use in_use::is_in_use;
pub use open::{Role, open};
pub use own_files::refuse_database_file;
pub use readers::Readers;
pub use url::file_of;
pub use writer::{Hooks, Writer};

/// The message of SQLite for `SQLITE_FULL`, and of this module too.
const DISK_FULL: &str = "disk is full";

/// A database, and the files that SQLite makes beside it: its log, the index of that, and the journal of another mode.
fn files_of(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    #[error("the database {path} cannot be opened: {reason}")]
    Open { path: String, reason: String },
    /// The work itself failed; none of it was kept.
    #[error("the database refused the work{}", cause(.0))]
    Query(#[from] diesel::result::Error),
    /// The group's commit failed; none of it was kept.
    #[error("the database could not commit: {0}")]
    Commit(String),
    #[error("the work panicked; nothing of it was kept")]
    Panicked,
    /// The queue is full, or no connection became free in time.
    #[error("the database is busy")]
    Busy,
    #[error("the database is closed")]
    Closed,
}

impl SqliteError {
    /// Whether there is no room to write: the database itself and the connection to it work.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Query(error) => is_disk_full(error),
            Self::Commit(reason) | Self::Open { reason, .. } => reason.contains(DISK_FULL),
            Self::Panicked | Self::Busy | Self::Closed => false,
        }
    }
}

/// The cause that the operator can mend; the source reports any other.
fn cause(error: &diesel::result::Error) -> &'static str {
    if is_disk_full(error) { ": the disk is full" } else { "" }
}

/// The same for a statement's error.
pub fn is_disk_full(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message().contains(DISK_FULL))
}

#[cfg(test)]
mod tests {
    use diesel::QueryResult;
    use diesel::connection::SimpleConnection;
    use diesel::result::{DatabaseErrorKind, Error};

    use super::*;

    /// A disk on which nothing can be committed.
    struct Full;

    impl SimpleConnection for Full {
        fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
            let message = Box::new("database or disk is full".to_owned());
            if sql == "COMMIT" { Err(Error::DatabaseError(DatabaseErrorKind::Unknown, message)) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_reported_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(open(&folder.path().join("db"), Role::Writer).unwrap()).unwrap();
        // A bound of its own, which SQLite reports like that of the disk.
        let sql = "PRAGMA max_page_count = 1; CREATE TABLE big AS SELECT zeroblob(100000) AS data";
        let refused = writer.run(|connection| connection.batch_execute(sql)).await.unwrap_err();
        assert_eq!(refused.to_string(), "the database refused the work: the disk is full");
        let failed = Writer::start(Full).unwrap().run(|_| Ok(())).await.unwrap_err();
        assert_eq!(failed.to_string(), "the database could not commit: the disk is full");
        assert!(refused.is_disk_full() && failed.is_disk_full() && !SqliteError::Busy.is_disk_full());
    }
}
