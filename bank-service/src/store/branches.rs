//! The `branches` table.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{BankId, BranchId, CityId};

use super::page::page_of;
use super::schema::branches;
use super::{Db, StoreError};
use crate::domain::branch::Branch;

/// The fields that a list of branches can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "bank_id", kind: FilterKind::Integer },
    Filter { name: "city_id", kind: FilterKind::Integer },
];

type Row = (i64, i64, i64, i64);

fn read((id, bank_id, city_id, version): Row) -> Result<Branch, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    Ok(Branch {
        id: BranchId::try_new(id).map_err(corrupt("branches.id"))?,
        bank_id: BankId::try_new(bank_id).map_err(corrupt("branches.bank_id"))?,
        city_id: CityId::try_new(city_id).map_err(corrupt("branches.city_id"))?,
        version,
    })
}

pub fn find(db: &mut Db, id: BranchId) -> Result<Option<Branch>, StoreError> {
    let row: Option<Row> = branches::table.find(id.get()).first(db).optional()?;
    row.map(read).transpose()
}

/// A page of branches, of one bank if given, by id.
pub fn list(db: &mut Db, bank: Option<BankId>, query: &ListQuery) -> Result<Listing<Branch>, StoreError> {
    let select = || {
        let mut select = branches::table.into_boxed();
        if let Some(bank) = bank {
            select = select.filter(branches::bank_id.eq(bank.get()));
        }
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(branches::id.eq(*id)),
                ("bank_id", FilterValue::Integer(id)) => select.filter(branches::bank_id.eq(*id)),
                ("city_id", FilterValue::Integer(id)) => select.filter(branches::city_id.eq(*id)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, branches::id, Row, read)
}

/// The branches of a bank, by id, at most `limit`.
pub fn load_of_bank(db: &mut Db, bank: BankId, limit: i64) -> Result<Vec<Branch>, StoreError> {
    let of_bank = branches::table.filter(branches::bank_id.eq(bank.get()));
    let rows: Vec<Row> = of_bank.order(branches::id).limit(limit).load(db)?;
    rows.into_iter().map(read).collect()
}

/// Deletes the branches of a bank; returns how many there were.
pub fn delete_of_bank(db: &mut Db, bank: BankId) -> Result<usize, StoreError> {
    Ok(diesel::delete(branches::table.filter(branches::bank_id.eq(bank.get()))).execute(db)?)
}

/// [`StoreError::ForeignKeyViolation`] if the bank or the city does not exist.
pub fn insert(db: &mut Db, branch: &Branch) -> Result<(), StoreError> {
    let row = (
        branches::id.eq(branch.id.get()),
        branches::bank_id.eq(branch.bank_id.get()),
        branches::city_id.eq(branch.city_id.get()),
        branches::version.eq(branch.version),
    );
    diesel::insert_into(branches::table).values(row).execute(db)?;
    Ok(())
}

/// Writes this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, branch: &Branch) -> Result<bool, StoreError> {
    let before = branches::version.eq(branch.version.saturating_sub(1));
    let row = branches::table.filter(branches::id.eq(branch.id.get())).filter(before);
    let changes = (branches::city_id.eq(branch.city_id.get()), branches::version.eq(branch.version));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Deletes this version; false if it no longer exists.
pub fn delete(db: &mut Db, branch: &Branch) -> Result<bool, StoreError> {
    let row = branches::table.filter(branches::id.eq(branch.id.get())).filter(branches::version.eq(branch.version));
    Ok(diesel::delete(row).execute(db)? == 1)
}
