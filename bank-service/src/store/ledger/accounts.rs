//! Ledger accounts: read, opened, listed.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};

use super::super::in_list::in_list;
use super::super::kept_row::insert_rows;
use super::super::page::page_of;
use super::super::schema::ledger_accounts;
use super::super::{Db, StoreError};
use super::rows::{AccountRow, holder};
use super::transfers::Placed;
use crate::domain::ledger::{LedgerAccount, LedgerId};

/// The fields that the list of ledger accounts can be filtered by.
pub const LEDGER_FILTERS: &[Filter] = &[
    Filter { name: "bank_id", kind: FilterKind::Integer },
    Filter { name: "user_id", kind: FilterKind::Integer },
    Filter { name: "closed", kind: FilterKind::Boolean },
];

/// The ledger accounts of these ids that exist, without a lock: what never changes of them, and the rest as it is now.
pub fn find(db: &mut Db, ids: &[LedgerId]) -> Result<Vec<LedgerAccount>, StoreError> {
    let mut ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(AccountRow, String)> = ledger_accounts::table
        .filter(in_list(ledger_accounts::id, &ids))
        .select((ledger_accounts::all_columns, holder()))
        .load(db)?;
    rows.into_iter().map(|(row, holder)| row.read(holder)).collect()
}

/// The ledger accounts on both sides of these transfers.
pub fn sides_of(db: &mut Db, transfers: &[Placed]) -> Result<Vec<LedgerAccount>, StoreError> {
    find(db, &transfers.iter().flat_map(|one| [one.transfer.from, one.transfer.to]).collect::<Vec<_>>())
}

/// Inserts ledger accounts as they are opened.
pub fn insert(db: &mut Db, accounts: &[LedgerAccount]) -> Result<(), StoreError> {
    let rows: Vec<AccountRow> = accounts.iter().map(AccountRow::from).collect();
    Ok(insert_rows!(db, ledger_accounts::table, &rows)?)
}

/// A page of ledger accounts, closed ones too, by id; for staff. Without the holder's name.
pub fn list_accounts(db: &mut Db, query: &ListQuery) -> Result<Listing<LedgerAccount>, StoreError> {
    type Row = (i64, AccountRow);
    let select = || {
        let mut select =
            ledger_accounts::table.select((ledger_accounts::id, ledger_accounts::all_columns)).into_boxed();
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("bank_id", FilterValue::Integer(id)) => select.filter(ledger_accounts::bank_id.eq(*id)),
                ("user_id", FilterValue::Integer(id)) => select.filter(ledger_accounts::user_id.eq(*id)),
                ("closed", FilterValue::Boolean(true)) => select.filter(ledger_accounts::closed_at.is_not_null()),
                ("closed", FilterValue::Boolean(false)) => select.filter(ledger_accounts::closed_at.is_null()),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok(select)
    };
    let read = |(_, row): Row| row.read(String::new());
    page_of!(db, query, select, ledger_accounts::id, Row, read)
}
