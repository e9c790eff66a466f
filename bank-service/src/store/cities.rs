//! The `cities` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::CityId;

use super::named::{NamedItem, Row};
use super::page::page_of;
use super::schema::cities;
use super::{Db, StoreError};
use crate::domain::city::City;
use crate::domain::name::Name;

fn read((id, name, version): Row) -> Result<City, StoreError> {
    let id = CityId::try_new(id).map_err(|_| StoreError::Corrupt { what: "cities.id" })?;
    let name = Name::parse(&name).map_err(|_| StoreError::Corrupt { what: "cities.name" })?;
    Ok(City { id, name, version })
}

impl NamedItem for City {
    type Id = CityId;

    const WHAT: &'static str = "city";

    fn new(id: CityId, name: Name, version: i64) -> Self {
        Self { id, name, version }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn find(db: &mut Db, id: CityId) -> Result<Option<Self>, StoreError> {
        let row: Option<Row> = cities::table.find(id.get()).first(db).optional()?;
        row.map(read).transpose()
    }

    fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Self>, StoreError> {
        let select = || {
            let mut select = cities::table.into_boxed();
            for (name, value) in &query.filters {
                select = match (*name, value) {
                    ("id", FilterValue::Integer(id)) => select.filter(cities::id.eq(*id)),
                    ("name", FilterValue::Text(text)) => select.filter(cities::name.eq(Name::spelled(text))),
                    _ => return Err(StoreError::UnknownFilter(name)),
                };
            }
            Ok::<_, StoreError>(select)
        };
        page_of!(db, query, select, cities::id, Row, read)
    }

    fn insert(&self, db: &mut Db) -> Result<(), StoreError> {
        let name = cities::name.eq(self.name.as_str());
        let row = (cities::id.eq(self.id.get()), name, cities::version.eq(self.version));
        diesel::insert_into(cities::table).values(row).execute(db)?;
        Ok(())
    }

    fn update(&self, db: &mut Db) -> Result<bool, StoreError> {
        let before = cities::version.eq(self.version.saturating_sub(1));
        let row = cities::table.filter(cities::id.eq(self.id.get())).filter(before);
        let changes = (cities::name.eq(self.name.as_str()), cities::version.eq(self.version));
        Ok(diesel::update(row).set(changes).execute(db)? == 1)
    }

    fn delete(&self, db: &mut Db) -> Result<bool, StoreError> {
        let row = cities::table.filter(cities::id.eq(self.id.get())).filter(cities::version.eq(self.version));
        Ok(diesel::delete(row).execute(db)? == 1)
    }
}
