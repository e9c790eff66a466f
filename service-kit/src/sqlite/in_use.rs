//! Whether anybody else has a database open.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::result::Error;

use super::{Role, SqliteError, open};

/// Whether any other connection has the file open, of this process or of another. SQLite lets a database leave WAL mode only while
/// nobody else has it open; this tries that, and takes it back. The answer is of that moment: a process may open the file later.
pub fn is_in_use(path: &Path) -> Result<bool, SqliteError> {
    let mut connection = open(path, Role::Writer)?;
    match connection.batch_execute("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL") {
        Ok(()) => Ok(false),
        Err(Error::DatabaseError(_, info)) if info.message().contains("database is locked") => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_in_use_while_another_connection_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        assert!(!is_in_use(&path).unwrap());
        for role in [Role::Writer, Role::Reader] {
            let idle = open(&path, role).unwrap();
            assert!(is_in_use(&path).unwrap(), "{role:?}");
            drop(idle);
            assert!(!is_in_use(&path).unwrap(), "{role:?}");
        }
    }
}
