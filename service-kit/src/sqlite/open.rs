//! Opening a connection with the settings that the promises rest on.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryResult, SqliteConnection};

use super::SqliteError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Writer,
    /// May only read.
    Reader,
}

/// Opens the file, making it if it is not there.
pub fn open(path: &Path, role: Role) -> Result<SqliteConnection, SqliteError> {
    let fault = |reason: String| SqliteError::Open { path: path.display().to_string(), reason };
    let name = path.to_str().ok_or_else(|| fault("the path is not UTF-8".to_owned()))?;
    let mut connection = SqliteConnection::establish(name).map_err(|error| fault(error.to_string()))?;
    pragmas(&mut connection, role).map_err(|error| fault(error.to_string()))?;
    Ok(connection)
}

/// The settings of a connection. Each has its own page cache, so it is small (512 KiB): the kernel's is shared. `busy_timeout` comes first: already the change to WAL may have to wait.
pub fn pragmas(connection: &mut SqliteConnection, role: Role) -> QueryResult<()> {
    connection.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
         PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512;",
    )?;
    match role {
        Role::Writer => Ok(()),
        Role::Reader => connection.batch_execute("PRAGMA query_only = ON;"),
    }
}
