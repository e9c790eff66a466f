//! The embedded migrations: a portable folder and one per engine, merged in the order of their versions.
//!
//! Replicas that start together are safe: MySQL runs under a named lock, SQLite under its write lock.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::{Migration, MigrationConnection, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{DatabaseUrl, Db, StoreError, engine};

const COMMON: EmbeddedMigrations = embed_migrations!("migrations/common");
const MYSQL: EmbeddedMigrations = embed_migrations!("migrations/mysql");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const LOCK_SECONDS: u32 = 60;

type Migrations = Vec<Box<dyn Migration<super::db::MultiBackend>>>;
type MigrationError = Box<dyn std::error::Error + Send + Sync>;

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub version: String,
    pub applied: bool,
}

struct Source {
    sqlite: bool,
}

impl MigrationSource<super::db::MultiBackend> for Source {
    fn migrations(&self) -> diesel::migration::Result<Migrations> {
        let mut all: Migrations = COMMON.migrations()?;
        all.extend(if self.sqlite { SQLITE.migrations()? } else { MYSQL.migrations()? });
        all.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        Ok(all)
    }
}

/// Brings the database to this release's schema; gives the versions that were applied. Blocks.
pub fn upgrade(url: &DatabaseUrl) -> Result<Vec<String>, StoreError> {
    locked(url, |db, source| {
        let applied = db.run_pending_migrations(source)?;
        Ok(applied.iter().map(MigrationVersion::to_string).collect())
    })
}

/// Takes the newest migration back; gives its version. Blocks.
pub fn downgrade(url: &DatabaseUrl) -> Result<Option<String>, StoreError> {
    locked(url, |db, source| {
        if db.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(db.revert_last_migration(source)?.to_string()))
    })
}

/// All migrations, oldest first. Blocks.
pub fn status(url: &DatabaseUrl) -> Result<Vec<Status>, StoreError> {
    locked(url, |db, source| {
        let applied: Vec<String> = db.applied_migrations()?.iter().map(MigrationVersion::to_string).collect();
        let known = source.migrations()?;
        Ok(known
            .iter()
            .map(|migration| migration.name().version().to_string())
            .map(|version| Status { applied: applied.contains(&version), version })
            .collect())
    })
}

fn locked<T>(url: &DatabaseUrl, f: impl FnOnce(&mut Db, Source) -> Result<T, MigrationError>) -> Result<T, StoreError> {
    let mut db = engine::open(url)?;
    let source = Source { sqlite: db.is_sqlite() };
    lock(&mut db)?;
    let result = db
        .setup()
        .map_err(MigrationError::from)
        .and_then(|_| f(&mut db, source))
        .map_err(|error| StoreError::Unavailable { reason: format!("migration: {error}") });
    unlock(&mut db, result.is_ok())?;
    result
}

fn lock(db: &mut Db) -> Result<(), StoreError> {
    let text = format!("GET_LOCK('bank-service.migrations', {LOCK_SECONDS})");
    let granted = match db {
        // Migrations run inside this transaction, as savepoints of it.
        Db::Sqlite(conn) => return Ok(AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?),
        Db::Mysql(_) => diesel::select(diesel::dsl::sql::<Nullable<BigInt>>(&text)).get_result::<Option<i64>>(db)?,
    };
    match granted {
        Some(1) => Ok(()),
        _ => Err(StoreError::Unavailable { reason: "another process is migrating the database".to_owned() }),
    }
}

fn unlock(db: &mut Db, succeeded: bool) -> Result<(), StoreError> {
    match db {
        Db::Sqlite(conn) if succeeded => AnsiTransactionManager::commit_transaction(conn)?,
        Db::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn)?,
        Db::Mysql(conn) => conn.batch_execute("DO RELEASE_LOCK('bank-service.migrations')")?,
    }
    Ok(())
}
