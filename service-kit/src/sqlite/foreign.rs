//! Whether a file is another program's database: such a file is not touched, not even by the settings of a connection.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use super::{SqliteError, files_of};

#[derive(QueryableByName)]
struct Tables {
    #[diesel(sql_type = BigInt)]
    all: i64,
    #[diesel(sql_type = BigInt)]
    migrations: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Refuses a file that has tables and not our table of migrations, or one in which `first`, the version of our first
/// migration, is missing. Only reads.
pub fn refuse_foreign(path: &Path, first: &str) -> Result<(), SqliteError> {
    let fault = |reason: String| SqliteError::Open { path: path.display().to_string(), reason };
    let Some(mut connection) = open_to_read(path)? else { return Ok(()) };
    if is_foreign(&mut connection, first).map_err(|error| fault(error.to_string()))? {
        return Err(fault(
            "it has tables that this service did not make; nothing was changed: use another file".to_owned(),
        ));
    }
    Ok(())
}

/// A connection that only reads, to a file that may be another program's; `None` if the file is empty or missing.
///
/// SQLite makes files beside a database for a reader, too, and removes them at the close of a connection that may write. So this
/// one may, except where such files are there already, of a running process or a crashed one: these stay as they are.
pub fn open_to_read(path: &Path) -> Result<Option<SqliteConnection>, SqliteError> {
    let fault = |reason: String| SqliteError::Open { path: path.display().to_string(), reason };
    if !std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Ok(None);
    }
    // The files beside a database are named after it, and not after a link to it.
    let file = path.canonicalize().map_err(|error| fault(error.to_string()))?;
    let url = url::Url::from_file_path(&file).map_err(|()| fault("the path is not one of a file".to_owned()))?;
    let [_, log, _, journal] = files_of(&file);
    let mode = if log.exists() || journal.exists() { "ro" } else { "rw" };
    let mut connection =
        SqliteConnection::establish(&format!("{url}?mode={mode}")).map_err(|error| fault(error.to_string()))?;
    // Another process may be starting or stopping with the file.
    let settings = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON";
    connection.batch_execute(settings).map_err(|error| fault(error.to_string()))?;
    Ok(Some(connection))
}

fn is_foreign(connection: &mut SqliteConnection, first: &str) -> diesel::QueryResult<bool> {
    let tables: Tables = sql_query(
        "SELECT COUNT(*) AS \"all\", COALESCE(SUM(name = '__diesel_schema_migrations'), 0) AS migrations \
         FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .get_result(connection)?;
    if tables.all == 0 || tables.migrations == 0 {
        return Ok(tables.all > 0);
    }
    let versions: Vec<Version> = sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?;
    // A database whose migrations were all reverted has that one table, and no version.
    Ok(tables.all > 1 && !versions.iter().any(|one| one.version == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b#c.sqlite");
        SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        let refused = refuse_foreign(&path, "0001");
        assert_eq!(std::fs::read(&path).unwrap(), before, "it was written to");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something is left beside it");
        if let Err(error) = &refused {
            assert!(error.to_string().contains("a b#c.sqlite"), "{error}");
        }
        refused.is_err()
    }

    #[test]
    fn a_database_with_tables_that_are_not_ours_is_refused_and_stays_as_it_is() {
        const MIGRATIONS: &str = "CREATE TABLE __diesel_schema_migrations (version TEXT PRIMARY KEY)";
        assert!(refused("CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT)"));
        assert!(refused(&format!(
            "{MIGRATIONS}; CREATE TABLE t (id INTEGER); INSERT INTO __diesel_schema_migrations VALUES ('9')"
        )));
        assert!(refused("PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY)"));
        assert!(!refused("CREATE TABLE t (id INTEGER); DROP TABLE t"));
        assert!(!refused(MIGRATIONS));
        assert!(!refused(&format!(
            "{MIGRATIONS}; CREATE TABLE t (id INTEGER); INSERT INTO __diesel_schema_migrations VALUES ('0001')"
        )));
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_foreign(&folder.path().join("new.sqlite"), "0001").is_ok());
    }

    #[test]
    fn the_log_that_a_crash_has_left_stays_as_it_is_and_is_read() {
        let (running, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = running.path().join("a.sqlite");
        let mut still_open = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        still_open.batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY)").unwrap();
        let [_, log, ..] = files_of(&path);
        let copies = [&path, &log].map(|file| crashed.path().join(file.file_name().unwrap()));
        for (file, copy) in [&path, &log].into_iter().zip(&copies) {
            std::fs::copy(file, copy).unwrap();
        }
        assert!(refuse_foreign(&copies[0], "0001").is_err(), "the table is in the log");
        for (file, copy) in [&path, &log].into_iter().zip(&copies) {
            assert_eq!(std::fs::read(file).unwrap(), std::fs::read(copy).unwrap(), "{}", copy.display());
        }
    }
}
