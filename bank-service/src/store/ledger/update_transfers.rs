//! Writes what the end of a hold and a reversal change of transfers, whose rows exist and are locked.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::super::schema::transfers;
use super::super::{Db, StoreError};
use super::rows::TransferRow;
use crate::domain::ledger::{Transfer, TransferId};

pub(super) fn update_transfers(db: &mut Db, changed: &BTreeMap<TransferId, &Transfer>) -> Result<(), StoreError> {
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => mysql::update(conn, changed.values().map(|transfer| TransferRow::from(*transfer)).collect()),
        Db::Sqlite(conn) => {
            for transfer in changed.values() {
                let TransferRow { id, status, captured_amount, reversed_amount, ended_at, open_until, .. } =
                    TransferRow::from(*transfer);
                let end_and_reversals = (
                    transfers::status.eq(status),
                    transfers::captured_amount.eq(captured_amount),
                    transfers::reversed_amount.eq(reversed_amount),
                    transfers::ended_at.eq(ended_at),
                    transfers::open_until.eq(open_until),
                );
                let updated = diesel::update(transfers::table.find(id)).set(end_and_reversals).execute(conn)?;
                if updated != 1 {
                    return Err(StoreError::Serialization);
                }
            }
            Ok(())
        }
    }
}

/// One statement for all rows, which a connection prepares once. It names the columns that it changes and no others, as the rights
/// of the serving user do: for an `INSERT … ON DUPLICATE KEY UPDATE` MariaDB asks for UPDATE on every column that is inserted.
#[cfg(feature = "mysql")]
mod mysql {
    use chrono::NaiveDateTime;
    use diesel::connection::Connection as _;
    use diesel::mysql::Mysql;
    use diesel::query_builder::{AstPass, QueryFragment, QueryId};
    use diesel::result::QueryResult;
    use diesel::sql_types::Text;
    use serde::Serialize;

    use super::{StoreError, TransferRow};
    use crate::store::mysql::MysqlConn;

    const ROWS_AT_ONCE: usize = 1_000;

    pub(super) fn update(conn: &mut MysqlConn, rows: Vec<TransferRow>) -> Result<(), StoreError> {
        let rows: Vec<Changed> = rows.into_iter().map(Changed::from).collect();
        for some in rows.chunks(ROWS_AT_ONCE) {
            let json = serde_json::to_string(some).map_err(|_| StoreError::Corrupt { what: "a transfer" })?;
            conn.execute_returning_count(&Update { json })?;
        }
        Ok(())
    }

    /// Without a field that is null: to `JSON_TABLE` the two are the same.
    #[derive(Debug, Serialize)]
    struct Changed {
        id: String,
        status: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        captured_amount: Option<i64>,
        reversed_amount: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        open_until: Option<String>,
    }

    impl From<TransferRow> for Changed {
        fn from(row: TransferRow) -> Self {
            let TransferRow { id, status, captured_amount, reversed_amount, ended_at, open_until, .. } = row;
            let time = |time: Option<NaiveDateTime>| time.map(|time| time.format("%F %T%.6f").to_string());
            Self {
                id,
                status,
                captured_amount,
                reversed_amount,
                ended_at: time(ended_at),
                open_until: time(open_until),
            }
        }
    }

    struct Update {
        json: String,
    }

    impl QueryId for Update {
        type QueryId = Self;
        const HAS_STATIC_QUERY_ID: bool = true;
    }

    impl QueryFragment<Mysql> for Update {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
            out.push_sql("UPDATE transfers JOIN JSON_TABLE(");
            out.push_bind_param::<Text, _>(&self.json)?;
            out.push_sql(
                ", '$[*]' COLUMNS (id VARCHAR(36) PATH '$.id', status VARCHAR(16) PATH '$.status', \
                 captured_amount BIGINT PATH '$.captured_amount', reversed_amount BIGINT PATH '$.reversed_amount', \
                 ended_at DATETIME(6) PATH '$.ended_at', open_until DATETIME(6) PATH '$.open_until')) AS changed \
                 ON changed.id = transfers.id SET transfers.status = changed.status, \
                 transfers.captured_amount = changed.captured_amount, \
                 transfers.reversed_amount = changed.reversed_amount, \
                 transfers.ended_at = changed.ended_at, transfers.open_until = changed.open_until",
            );
            Ok(())
        }
    }
}
