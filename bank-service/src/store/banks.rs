//! The `banks` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::BankId;

use super::former_names::Party;
use super::named::{NamedItem, Row};
use super::page::page_of;
use super::schema::banks;
use super::{Db, StoreError};
use crate::domain::bank::Bank;
use crate::domain::name::Name;

fn read((id, name, version): Row) -> Result<Bank, StoreError> {
    let id = BankId::try_new(id).map_err(|_| StoreError::Corrupt { what: "banks.id" })?;
    let name = Name::parse(&name).map_err(|_| StoreError::Corrupt { what: "banks.name" })?;
    Ok(Bank { id, name, version })
}

impl NamedItem for Bank {
    type Id = BankId;

    const WHAT: &'static str = "bank";

    fn new(id: BankId, name: Name, version: i64) -> Self {
        Self { id, name, version }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn party(&self) -> Option<Party> {
        Some(Party::Bank(self.id))
    }

    fn find(db: &mut Db, id: BankId) -> Result<Option<Self>, StoreError> {
        let row: Option<Row> = banks::table.find(id.get()).first(db).optional()?;
        row.map(read).transpose()
    }

    fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Self>, StoreError> {
        let select = || {
            let mut select = banks::table.into_boxed();
            for (name, value) in &query.filters {
                select = match (*name, value) {
                    ("id", FilterValue::Integer(id)) => select.filter(banks::id.eq(*id)),
                    ("name", FilterValue::Text(text)) => select.filter(banks::name.eq(Name::spelled(text))),
                    _ => return Err(StoreError::UnknownFilter(name)),
                };
            }
            Ok::<_, StoreError>(select)
        };
        page_of!(db, query, select, banks::id, Row, read)
    }

    fn insert(&self, db: &mut Db) -> Result<(), StoreError> {
        let name = banks::name.eq(self.name.as_str());
        let row = (banks::id.eq(self.id.get()), name, banks::version.eq(self.version));
        diesel::insert_into(banks::table).values(row).execute(db)?;
        Ok(())
    }

    fn update(&self, db: &mut Db) -> Result<bool, StoreError> {
        let before = banks::version.eq(self.version.saturating_sub(1));
        let row = banks::table.filter(banks::id.eq(self.id.get())).filter(before);
        let changes = (banks::name.eq(self.name.as_str()), banks::version.eq(self.version));
        Ok(diesel::update(row).set(changes).execute(db)? == 1)
    }

    fn delete(&self, db: &mut Db) -> Result<bool, StoreError> {
        let row = banks::table.filter(banks::id.eq(self.id.get())).filter(banks::version.eq(self.version));
        Ok(diesel::delete(row).execute(db)? == 1)
    }
}
