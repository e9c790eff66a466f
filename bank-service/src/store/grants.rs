//! The rights of the user that the service runs as, on a server where another user owns the tables: it adds to the history of ledger
//! and names, and cannot change it. On SQLite triggers refuse that to everybody.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{DatabaseUrl, Db, StoreError, engine};

/// The rights beside SELECT.
const USUAL: &str = "INSERT, UPDATE, DELETE";
/// The same on the tables of history: of a transfer only the end of a hold and what was reversed change.
const HISTORY: [(&str, &str); 4] = [
    ("former_names", "INSERT"),
    ("ledger_accounts", "INSERT, UPDATE"),
    ("ledger_entries", "INSERT"),
    ("transfers", "INSERT, UPDATE (status, captured_amount, reversed_amount, ended_at, open_until)"),
];

/// A user of the server, as it stands in a statement: `'bank'@'%'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee(String);

impl Grantee {
    pub fn new(user: &str, host: &str) -> Self {
        let text = |part: &str| format!("'{}'", part.replace('\\', "\\\\").replace('\'', "''"));
        Self(format!("{}@{}", text(user), text(host)))
    }
}

impl std::fmt::Display for Grantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The statements that give a user these rights on the tables that there are now, and take away those on the whole database. In
/// this order the user has the rights that it needs at any time. Blocks.
pub fn statements(url: &DatabaseUrl, grantee: &Grantee) -> Result<Vec<String>, StoreError> {
    let mut db = engine::open_existing(url)?;
    let database: String = diesel::select(diesel::dsl::sql::<Text>("DATABASE()")).get_result(&mut db)?;
    let version: String = diesel::select(diesel::dsl::sql::<Text>("VERSION()")).get_result(&mut db)?;
    // MySQL refuses to take what was never given; MariaDB does not, and has no word for it.
    let if_exists = if version.contains("MariaDB") { "" } else { "IF EXISTS " };
    Ok(statements_for(&database, &tables(&mut db)?, grantee, if_exists))
}

/// Runs the statements, as the owner of the tables. Blocks.
pub fn apply(url: &DatabaseUrl, statements: &[String]) -> Result<(), StoreError> {
    let mut db = engine::open_existing(url)?;
    for statement in statements {
        db.batch_execute(statement)?;
    }
    Ok(())
}

/// Whether the user of this connection could change what was posted. Tries it on no row.
pub fn may_change_history(db: &mut Db) -> Result<bool, StoreError> {
    if db.is_sqlite() {
        return Ok(false);
    }
    match db.batch_execute("UPDATE ledger_entries SET amount = 0 WHERE 1 = 0") {
        Ok(()) => Ok(true),
        Err(diesel::result::Error::DatabaseError(_, info)) if info.message().contains("denied") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

fn tables(db: &mut Db) -> Result<Vec<String>, StoreError> {
    let query = "SELECT table_name AS name FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name";
    let tables: Vec<Table> = diesel::sql_query(query).load(db)?;
    Ok(tables.into_iter().map(|table| table.name).collect())
}

fn statements_for(database: &str, tables: &[String], grantee: &Grantee, if_exists: &str) -> Vec<String> {
    let database = quoted(database);
    let on_table = |table: &String| {
        let of_history = HISTORY.iter().find(|(name, _)| name == table);
        let rights = of_history.map_or(USUAL, |(_, rights)| rights);
        format!("GRANT {rights} ON {database}.{} TO {grantee}", quoted(table))
    };
    let mut statements = vec![format!("GRANT SELECT ON {database}.* TO {grantee}")];
    statements.extend(tables.iter().map(on_table));
    statements.push(format!("REVOKE {if_exists}{USUAL} ON {database}.* FROM {grantee}"));
    statements
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{existing, migrations};

    #[test]
    fn every_table_is_granted_and_those_of_history_without_a_way_to_change_it() {
        let tables = ["accounts", "former_names", "ledger_accounts", "ledger_entries", "outbox", "transfers"];
        let tables = tables.map(str::to_owned);
        let to = "TO 'bank'@'%'";
        let expected = [
            format!("GRANT SELECT ON `bank`.* {to}"),
            format!("GRANT INSERT, UPDATE, DELETE ON `bank`.`accounts` {to}"),
            format!("GRANT INSERT ON `bank`.`former_names` {to}"),
            format!("GRANT INSERT, UPDATE ON `bank`.`ledger_accounts` {to}"),
            format!("GRANT INSERT ON `bank`.`ledger_entries` {to}"),
            format!("GRANT INSERT, UPDATE, DELETE ON `bank`.`outbox` {to}"),
            format!(
                "GRANT INSERT, UPDATE (status, captured_amount, reversed_amount, ended_at, open_until) ON `bank`.`transfers` {to}"
            ),
            "REVOKE IF EXISTS INSERT, UPDATE, DELETE ON `bank`.* FROM 'bank'@'%'".to_owned(),
        ];
        assert_eq!(statements_for("bank", &tables, &Grantee::new("bank", "%"), "IF EXISTS "), expected);
    }

    #[test]
    fn no_name_ends_the_statement_that_it_is_in() {
        let statements = statements_for("a`b", &["t`; DROP".to_owned()], &Grantee::new("it's\\", "h'"), "");
        assert_eq!(statements[1], "GRANT INSERT, UPDATE, DELETE ON `a``b`.`t``; DROP` TO 'it''s\\\\'@'h'''");
    }

    /// A transfer of five from one account to another, whose owner has another name by now.
    const POSTED: &str = "INSERT INTO ledger_accounts \
            (id, kind, bank_id, currency, balance, held, min_balance, seq, opened_at) VALUES \
            (2, 'account', 1, 'EUR', -5, 0, -5, 1, '2026-01-01 00:00:00'), \
            (4, 'account', 1, 'EUR', 5, 0, 0, 1, '2026-01-01 00:00:00'); \
        INSERT INTO transfers (id, from_id, to_id, amount, currency, kind, status, reversed_amount, from_name, to_name, \
            from_seq, to_seq, created_at) VALUES \
            ('t', 2, 4, 5, 'EUR', 'transfer', 'posted', 0, 'Ada', 'Bob', 1, 1, '2026-01-01 00:00:00'); \
        INSERT INTO ledger_entries (ledger_id, seq, transfer_id, amount, held_change, balance_after, held_after, \
            min_balance_after, posted_at) VALUES \
            (2, 1, 't', -5, 0, -5, 0, -5, '2026-01-01 00:00:00'), (4, 1, 't', 5, 0, 5, 0, 0, '2026-01-01 00:00:00'); \
        INSERT INTO former_names (kind, party_id, valid_until, name) VALUES ('client', 2, '2026-01-02 00:00:00', 'Bob');";

    #[test]
    fn on_sqlite_triggers_refuse_to_change_history() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        let mut db = existing::open_to_write(&url).unwrap();
        db.batch_execute(POSTED).unwrap();
        assert!(!may_change_history(&mut db).unwrap());
        for (statement, reason) in [
            ("UPDATE ledger_entries SET amount = 0", "ledger entries are never changed"),
            ("DELETE FROM ledger_entries", "ledger entries are never deleted"),
            ("UPDATE transfers SET amount = 1", "only the end of a hold and what was reversed"),
            ("UPDATE transfers SET request_key = NULL", "only the end of a hold and what was reversed"),
            ("DELETE FROM transfers", "transfers are never deleted"),
            ("DELETE FROM ledger_accounts", "ledger accounts are never deleted"),
            ("UPDATE former_names SET name = 'Bert'", "former names are never changed"),
            ("DELETE FROM former_names", "former names are never deleted"),
        ] {
            let refused = db.batch_execute(statement).unwrap_err().to_string();
            assert!(refused.contains(reason), "{statement}: {refused}");
        }
        // The column that a reversal changes.
        db.batch_execute("UPDATE transfers SET reversed_amount = 5").unwrap();
    }
}
