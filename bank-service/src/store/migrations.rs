//! The embedded migrations: a portable folder and one per engine, merged in the order of their versions.
//!
//! Replicas that start together are safe: MySQL runs under a named lock, SQLite under its write lock.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::migration::{Migration, MigrationConnection, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use service_kit::clock::{Clock, SystemClock};

#[cfg(feature = "mysql")]
use super::mysql;
use super::{DatabaseUrl, Db, StoreError, address_keys, engine, ledger};

const COMMON: EmbeddedMigrations = embed_migrations!("migrations/common");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// The migration that creates the users table.
const SCHEMA: &str = "20260101000001";
/// The migration that drops the balances which the ledger has.
const BALANCES: &str = "20261210000002";
/// The request to the operator in the error of the migration of the balances.
const STOP: &str = "stop the service and run this again, since balances are moved into the ledger";
/// The migration that marks the addresses as converted.
const ASCII_DOMAINS: &str = "20261201000014";

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

type Migrations = Vec<Box<dyn Migration<super::db::MultiBackend>>>;
type MigrationError = Box<dyn std::error::Error + Send + Sync>;

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub version: String,
    pub applied: bool,
}

/// The migrations that both engines share, and those of one engine.
struct Source {
    of_engine: EmbeddedMigrations,
}

impl Source {
    fn of(db: &Db) -> Self {
        let of_engine = match db {
            #[cfg(feature = "mysql")]
            Db::Mysql(_) => mysql::MIGRATIONS,
            Db::Sqlite(_) => SQLITE,
        };
        Self { of_engine }
    }
}

impl MigrationSource<super::db::MultiBackend> for Source {
    fn migrations(&self) -> diesel::migration::Result<Migrations> {
        let mut all: Migrations = COMMON.migrations()?;
        all.extend(self.of_engine.migrations()?);
        all.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        Ok(all)
    }
}

/// Migrates the database to this release's schema; returns the versions that were applied. Blocks.
pub fn upgrade(url: &DatabaseUrl) -> Result<Vec<String>, StoreError> {
    refuse_served(url)?;
    locked(url, |db, source| {
        convert_addresses(db)?;
        let pending = db.pending_migrations(source)?;
        let mut applied = Vec::with_capacity(pending.len());
        for migration in pending {
            let version = migration.name().version().to_string();
            if version == BALANCES {
                move_balances(db)?;
            }
            db.run_migration(&migration)?;
            applied.push(version);
        }
        Ok(applied)
    })
}

/// Refuses a file whose balances are still to be moved while another process has it open. (A server is asked by [`move_balances`].)
fn refuse_served(url: &DatabaseUrl) -> Result<(), StoreError> {
    let Some(path) = url.file() else { return Ok(()) };
    service_kit::sqlite::refuse_foreign(path, SCHEMA)?;
    let Some(mut db) = engine::open_to_read(url)? else { return Ok(()) };
    let applied = applied(&mut db)?;
    // The question below is answered with yes for every open connection, this one too.
    drop(db);
    let has = |version: &str| applied.iter().any(|one| one == version);
    if has(SCHEMA) && !has(BALANCES) && service_kit::sqlite::is_in_use(path)? {
        return Err(StoreError::Migration { reason: format!("{STOP}: another process has the file open") });
    }
    Ok(())
}

/// Posts all balances to the ledger, before the columns that they were in are dropped. Other processes must not change them
/// meanwhile.
fn move_balances(db: &mut Db) -> Result<(), MigrationError> {
    #[cfg(feature = "mysql")]
    if let Db::Mysql(conn) = db
        && mysql::is_relay_leased(conn)?
    {
        return Err(format!("{STOP}: one of its processes runs; once all are stopped, wait ten seconds").into());
    }
    let moved = ledger::move_balances(db, SystemClock.now())?;
    if moved != ledger::Moved::default() {
        tracing::info!(accounts = moved.accounts, cards = moved.cards, "balances were moved into the ledger");
    }
    Ok(())
}

/// Converts the addresses of a database that has users and lacks the mark of the conversion.
fn convert_addresses(db: &mut Db) -> Result<(), MigrationError> {
    let applied: Vec<String> = db.applied_migrations()?.iter().map(MigrationVersion::to_string).collect();
    let has = |version: &str| applied.iter().any(|one| one == version);
    if !has(SCHEMA) || has(ASCII_DOMAINS) {
        return Ok(());
    }
    let left = address_keys::convert(db)?;
    if left.total > 0 {
        let (total, user_ids) = (left.total, format!("{:?}", left.ids));
        tracing::warn!(
            total,
            user_ids,
            "addresses were left as they are, since another user has them: give these users others (PUT /api/users/{{id}})"
        );
    }
    Ok(())
}

/// Reverts the newest migration; returns its version. Makes no database. Blocks.
pub fn downgrade(url: &DatabaseUrl) -> Result<Option<String>, StoreError> {
    drop(engine::open_existing(url)?);
    locked(url, |db, source| {
        if db.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(db.revert_last_migration(source)?.to_string()))
    })
}

/// The users to whom no mail can be sent, or who cannot be found by their address. Blocks.
pub fn troubled_addresses(url: &DatabaseUrl) -> Result<address_keys::Troubled, StoreError> {
    address_keys::troubled(&mut engine::open_existing(url)?)
}

/// All migrations, oldest first. Only reads, so the serving account may call it; without a migrations table it lists none. Blocks.
pub fn status(url: &DatabaseUrl) -> Result<Vec<Status>, StoreError> {
    let mut db = engine::open_existing(url)?;
    let applied = applied(&mut db)?;
    let known = Source::of(&db).migrations().map_err(|error| failed(&error))?;
    let versions = known.iter().map(|migration| migration.name().version().to_string());
    Ok(versions.map(|version| Status { applied: applied.contains(&version), version }).collect())
}

/// An error if migrations are pending. Blocks.
pub fn refuse_outdated(url: &DatabaseUrl) -> Result<(), StoreError> {
    match status(url)?.iter().filter(|migration| !migration.applied).count() {
        0 => Ok(()),
        pending => Err(StoreError::Outdated { pending }),
    }
}

pub(super) fn applied(db: &mut Db) -> Result<Vec<String>, StoreError> {
    use __diesel_schema_migrations::dsl;
    match dsl::__diesel_schema_migrations.select(dsl::version).load(db) {
        Err(diesel::result::Error::DatabaseError(_, info)) if is_missing_table(info.message()) => Ok(Vec::new()),
        read => Ok(read?),
    }
}

pub(super) fn is_missing_table(message: &str) -> bool {
    message.contains("no such table") || message.contains("doesn't exist")
}

fn failed(error: &MigrationError) -> StoreError {
    StoreError::Migration { reason: error.to_string() }
}

fn locked<T>(url: &DatabaseUrl, f: impl FnOnce(&mut Db, Source) -> Result<T, MigrationError>) -> Result<T, StoreError> {
    if let Some(path) = url.file() {
        service_kit::sqlite::refuse_foreign(path, SCHEMA)?;
    }
    let mut db = engine::open(url)?;
    refuse_foreign(&mut db)?;
    let source = Source::of(&db);
    // A table that is made anew must not take the rows of its children with it. No statement can change this in a transaction.
    if db.is_sqlite() {
        diesel::sql_query("PRAGMA foreign_keys = OFF").execute(&mut db)?;
    }
    lock(&mut db)?;
    let result =
        db.setup().map_err(MigrationError::from).and_then(|_| f(&mut db, source)).map_err(|error| failed(&error));
    let result = result.and_then(|done| check_references(&mut db).map(|()| done));
    unlock(&mut db, result.is_ok())?;
    result
}

/// SQLite: no row may refer to one that is gone.
fn check_references(db: &mut Db) -> Result<(), StoreError> {
    if !db.is_sqlite() {
        return Ok(());
    }
    let broken: i64 =
        diesel::select(diesel::dsl::sql::<BigInt>("(SELECT COUNT(*) FROM pragma_foreign_key_check)")).get_result(db)?;
    if broken == 0 {
        Ok(())
    } else {
        Err(StoreError::Migration { reason: format!("{broken} rows refer to others that are gone") })
    }
}

/// A database on a server that has tables, but not ours, belongs to another application. (A file is checked before it is
/// opened.)
fn refuse_foreign(db: &mut Db) -> Result<(), StoreError> {
    if db.is_sqlite() {
        return Ok(());
    }
    let count = "(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE())";
    let tables: i64 = diesel::select(diesel::dsl::sql::<BigInt>(count)).get_result(db)?;
    let applied = applied(db)?;
    // If every migration was reverted, their own table remains.
    if tables <= i64::from(!applied.is_empty() || has_migrations(db)?) || applied.iter().any(|one| one == SCHEMA) {
        return Ok(());
    }
    let name: String = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("DATABASE()")).get_result(db)?;
    let reason = format!(
        "the database {name:?} has tables that this service did not make; nothing was changed: use another one"
    );
    Err(StoreError::Migration { reason })
}

fn has_migrations(db: &mut Db) -> Result<bool, StoreError> {
    let count = "(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
                 AND table_name = '__diesel_schema_migrations')";
    Ok(diesel::select(diesel::dsl::sql::<BigInt>(count)).get_result::<i64>(db)? > 0)
}

fn lock(db: &mut Db) -> Result<(), StoreError> {
    match db {
        // Migrations run inside this transaction, as savepoints of it.
        Db::Sqlite(conn) => Ok(AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?),
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => mysql::lock(conn),
    }
}

fn unlock(db: &mut Db, succeeded: bool) -> Result<(), StoreError> {
    match db {
        Db::Sqlite(conn) if succeeded => AnsiTransactionManager::commit_transaction(conn)?,
        Db::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn)?,
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => mysql::unlock(conn)?,
    }
    Ok(())
}
