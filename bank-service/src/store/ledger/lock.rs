//! Loads rows that the transaction is going to change, and locks them.

use diesel::prelude::*;

use super::super::in_list::{in_list, in_texts};
use super::super::schema::{ledger_accounts, transfers};
use super::super::{Db, StoreError};
use super::rows::{AccountRow, TransferRow, holder};
use crate::domain::ledger::{LedgerAccount, LedgerId, Transfer, TransferId};

/// How a query treats a row that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until it is free, or the database gives up.
    ForLock,
    /// Leave it out.
    Skip,
}

/// The ledger accounts of these ids that exist, locked in the order of their ids.
pub fn lock_accounts(db: &mut Db, ids: &[LedgerId], wait: Wait) -> Result<Vec<LedgerAccount>, StoreError> {
    let mut ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let select = ledger_accounts::table
        .filter(in_list(ledger_accounts::id, &ids))
        .order(ledger_accounts::id)
        .select((ledger_accounts::all_columns, holder()));
    let rows: Vec<(AccountRow, String)> = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => match wait {
            Wait::ForLock => select.for_update().load(conn)?,
            Wait::Skip => select.for_update().skip_locked().load(conn)?,
        },
        Db::Sqlite(conn) => {
            let _ = wait;
            select.load(conn)?
        }
    };
    rows.into_iter().map(|(row, holder)| row.read(holder)).collect()
}

/// The transfers of these ids that exist, locked in the order of their ids.
pub fn lock_transfers(db: &mut Db, ids: &[TransferId], wait: Wait) -> Result<Vec<Transfer>, StoreError> {
    let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let select = transfers::table.filter(in_texts(transfers::id, ids)).order(transfers::id);
    let rows: Vec<TransferRow> = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => match wait {
            Wait::ForLock => select.for_update().load(conn)?,
            Wait::Skip => select.for_update().skip_locked().load(conn)?,
        },
        Db::Sqlite(conn) => {
            let _ = wait;
            select.load(conn)?
        }
    };
    rows.iter().map(TransferRow::read).collect()
}
