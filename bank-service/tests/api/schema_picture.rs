//! `docs/schema.md` shows the tables as the migrations create them; `UPDATE_SCHEMA=1` rewrites it.

use std::fmt::Write as _;
use std::path::Path;

use bank_service::store::{DatabaseUrl, migrations};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use tempfile::TempDir;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.md");
const COLUMNS: &str = "
    SELECT t.name AS tbl, c.name AS col, lower(c.type) AS kind, c.pk AS pk,
           (SELECT min(f.\"table\") FROM pragma_foreign_key_list(t.name) f WHERE f.\"from\" = c.name) AS parent
    FROM sqlite_master t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '!_!_%' ESCAPE '!'
    ORDER BY t.name, c.cid";

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    tbl: String,
    #[diesel(sql_type = Text)]
    col: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Integer)]
    pk: i32,
    #[diesel(sql_type = Nullable<Text>)]
    parent: Option<String>,
}

#[test]
fn the_picture_of_the_schema_is_what_the_migrations_make() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("bank.sqlite");
    migrations::upgrade(&DatabaseUrl::Sqlite(file.clone())).unwrap();
    let mut db = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let columns: Vec<Column> = sql_query(COLUMNS).load(&mut db).unwrap();
    assert!(columns.iter().any(|column| column.parent.as_deref() == Some("accounts")));
    let made = page(&columns);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(PAGE, &made).unwrap();
    }
    let kept = std::fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    assert!(kept == made, "docs/schema.md is not what the migrations make; UPDATE_SCHEMA=1 writes it anew");
}

fn page(columns: &[Column]) -> String {
    let mut page = String::from(
        "# The tables of bank-service\n\nMade from the migrations; `make schema` writes it anew. Types are SQLite's; MySQL has \
         the same columns.\n\n```mermaid\nerDiagram\n",
    );
    for column in columns {
        if let Some(parent) = &column.parent {
            writeln!(page, "    {parent} ||--o{{ {} : {}", column.tbl, column.col).unwrap();
        }
    }
    for table in columns.chunk_by(|one, next| one.tbl == next.tbl) {
        writeln!(page, "    {} {{", table[0].tbl).unwrap();
        for column in table {
            let kind = column.kind.split(['(', ' ']).next().filter(|kind| !kind.is_empty()).unwrap_or("any");
            let key = match (column.pk, &column.parent) {
                (0, None) => "",
                (0, Some(_)) => " FK",
                (_, None) => " PK",
                (_, Some(_)) => " PK,FK",
            };
            writeln!(page, "        {kind} {}{key}", column.col).unwrap();
        }
        page.push_str("    }\n");
    }
    page.push_str("```\n");
    page
}
