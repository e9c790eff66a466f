//! Direct database access for tests.

use bank_service::store::{Outcome, StoreError};
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, select, sql_query};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::database;
use crate::harness::TestApp;

impl TestApp {
    /// The single number that a query returns.
    pub(crate) async fn sql_number(&self, query: &str) -> i64 {
        let query = format!("({query})");
        let number = self
            .running
            .state
            .store
            .read(move |db| select(sql::<BigInt>(&query)).get_result::<i64>(db).map_err(StoreError::from));
        number.await.unwrap()
    }

    /// Changes rows directly, like an operator might.
    pub(crate) async fn sql_change(&self, statement: &'static str) {
        let state = &self.running.state;
        let ctx = state.ctx_anonymous();
        let done = state
            .store
            .write(&ctx, move |db, _| sql_query(statement).execute(db).map(Outcome::new).map_err(StoreError::from));
        done.await.unwrap();
    }

    /// Whether a text occurs anywhere in the database.
    pub(crate) async fn holds(&self, text: &str) -> bool {
        self.dump().await.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// The complete content of the database, as bytes to search in: the files of SQLite, every row of a server.
    pub(crate) async fn dump(&self) -> Vec<u8> {
        if !database::on_server() {
            let mut bytes = Vec::new();
            for name in ["bank.sqlite", "bank.sqlite-wal"] {
                bytes.extend(std::fs::read(self.folder.path().join(name)).unwrap_or_default());
            }
            return bytes;
        }
        let url = self.running.state.settings.config.database_url.expose().to_owned();
        let mut connection = Conn::from_url(url).await.unwrap();
        let tables: Vec<String> = connection.query("SHOW TABLES").await.unwrap();
        let mut bytes = Vec::new();
        for table in tables {
            let rows: Vec<Row> = connection.query(format!("SELECT * FROM `{table}`")).await.unwrap();
            for value in rows.into_iter().flat_map(Row::unwrap) {
                bytes.push(b'\n');
                match value {
                    mysql_async::Value::Bytes(text) => bytes.extend(text),
                    other => bytes.extend(format!("{other:?}").into_bytes()),
                }
            }
        }
        connection.disconnect().await.unwrap();
        bytes
    }
}
