//! Opens a connection with the settings that the module's promises rest on.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryResult, SqliteConnection};

use super::{SqliteError, files_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Writer,
    /// May only read.
    Reader,
}

/// The write-ahead log is cut to this size when it is emptied; a long reader lets it grow.
const JOURNAL_BYTES: u32 = 8 * 1024 * 1024;
const OWNER_ONLY_FILE: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;
/// The permissions of group and others.
const OTHERS: u32 = 0o077;

/// Opens the file; a writer makes it and its folder if they are missing. Whatever the folder allows, only the owner may access
/// the files.
pub fn open(path: &Path, role: Role) -> Result<SqliteConnection, SqliteError> {
    let fault = |reason: String| SqliteError::Open { path: path.display().to_string(), reason };
    if role == Role::Writer {
        keep_private(path).map_err(|error| fault(error.to_string()))?;
    }
    let name = path.to_str().ok_or_else(|| fault("the path is not UTF-8".to_owned()))?;
    let mut connection = SqliteConnection::establish(name).map_err(|error| fault(error.to_string()))?;
    pragmas(&mut connection, role).map_err(|error| fault(error.to_string()))?;
    Ok(connection)
}

/// SQLite gives the files beside the database the permissions of the database.
fn keep_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY_FILE).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    files_of(path).iter().try_for_each(|file| narrow(file))
}

/// Another user's file cannot be narrowed, and is not ours to narrow.
fn narrow(file: &Path) -> io::Result<()> {
    let mode = match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?.permissions().mode(),
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    match fs::set_permissions(file, Permissions::from_mode(OWNER_ONLY_FILE)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            tracing::warn!(file = %file.display(), "others may read this file, and its permissions cannot be changed");
            Ok(())
        }
        done => done,
    }
}

/// Sets up a connection. Each has its own page cache, so it is small (512 KiB): the kernel's is shared. `busy_timeout` comes
/// first: even the change to WAL may have to wait.
fn pragmas(connection: &mut SqliteConnection, role: Role) -> QueryResult<()> {
    connection.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
         PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512;",
    )?;
    connection.batch_execute(&format!("PRAGMA journal_size_limit = {JOURNAL_BYTES};"))?;
    match role {
        Role::Writer => Ok(()),
        Role::Reader => connection.batch_execute("PRAGMA query_only = ON;"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_files_are_their_owners_alone_whatever_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let open_to_all = folder.path().join("data");
        fs::create_dir(&open_to_all).unwrap();
        fs::set_permissions(&open_to_all, Permissions::from_mode(0o777)).unwrap();
        let (new, old) = (open_to_all.join("new.sqlite"), open_to_all.join("old.sqlite"));
        fs::write(&old, "").unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        for path in [&new, &old] {
            let mut connection = open(path, Role::Writer).unwrap();
            connection
                .batch_execute("CREATE TABLE item (id INTEGER PRIMARY KEY); INSERT INTO item VALUES (1)")
                .unwrap();
            for suffix in ["", "-wal", "-shm"] {
                let file = format!("{}{suffix}", path.display());
                assert_eq!(mode(Path::new(&file)), 0o600, "{file}");
            }
        }
    }

    #[test]
    fn a_writer_makes_the_folder_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/deep/bank.sqlite");
        open(&path, Role::Writer).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(open(&folder.path().join("none/bank.sqlite"), Role::Reader).is_err());
    }

    #[test]
    fn a_journal_that_grew_beside_a_long_reader_is_cut_once_the_reader_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let (mut writer, mut reader) = (open(&path, Role::Writer).unwrap(), open(&path, Role::Writer).unwrap());
        let journal = || fs::metadata(format!("{}-wal", path.display())).unwrap().len();
        writer.batch_execute("CREATE TABLE item (data BLOB)").unwrap();
        reader.batch_execute("BEGIN; SELECT * FROM item").unwrap();
        writer.batch_execute("INSERT INTO item VALUES (zeroblob(12000000))").unwrap();
        assert!(journal() > u64::from(JOURNAL_BYTES));
        reader.batch_execute("COMMIT").unwrap();
        // The first one moves the journal into the database, the second one begins it anew.
        for _ in 0..2 {
            writer.batch_execute("INSERT INTO item VALUES (NULL)").unwrap();
        }
        assert!(journal() <= u64::from(JOURNAL_BYTES));
    }
}
