//! The `social_statuses` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::SocialStatusId;

use super::named::{NamedItem, Row};
use super::page::page_of;
use super::schema::social_statuses;
use super::{Db, StoreError};
use crate::domain::name::Name;
use crate::domain::social_status::SocialStatus;

fn read((id, name, version): Row) -> Result<SocialStatus, StoreError> {
    let id = SocialStatusId::try_new(id).map_err(|_| StoreError::Corrupt { what: "social_statuses.id" })?;
    let name = Name::parse(&name).map_err(|_| StoreError::Corrupt { what: "social_statuses.name" })?;
    Ok(SocialStatus { id, name, version })
}

impl NamedItem for SocialStatus {
    type Id = SocialStatusId;

    const WHAT: &'static str = "social status";

    fn new(id: SocialStatusId, name: Name, version: i64) -> Self {
        Self { id, name, version }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn find(db: &mut Db, id: SocialStatusId) -> Result<Option<Self>, StoreError> {
        let row: Option<Row> = social_statuses::table.find(id.get()).first(db).optional()?;
        row.map(read).transpose()
    }

    fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Self>, StoreError> {
        let select = || {
            let mut select = social_statuses::table.into_boxed();
            for (name, value) in &query.filters {
                select = match (*name, value) {
                    ("id", FilterValue::Integer(id)) => select.filter(social_statuses::id.eq(*id)),
                    ("name", FilterValue::Text(text)) => select.filter(social_statuses::name.eq(Name::spelled(text))),
                    _ => return Err(StoreError::UnknownFilter(name)),
                };
            }
            Ok::<_, StoreError>(select)
        };
        page_of!(db, query, select, social_statuses::id, Row, read)
    }

    fn insert(&self, db: &mut Db) -> Result<(), StoreError> {
        let name = social_statuses::name.eq(self.name.as_str());
        let row = (social_statuses::id.eq(self.id.get()), name, social_statuses::version.eq(self.version));
        diesel::insert_into(social_statuses::table).values(row).execute(db)?;
        Ok(())
    }

    fn update(&self, db: &mut Db) -> Result<bool, StoreError> {
        let before = social_statuses::version.eq(self.version.saturating_sub(1));
        let row = social_statuses::table.filter(social_statuses::id.eq(self.id.get())).filter(before);
        let changes = (social_statuses::name.eq(self.name.as_str()), social_statuses::version.eq(self.version));
        Ok(diesel::update(row).set(changes).execute(db)? == 1)
    }

    fn delete(&self, db: &mut Db) -> Result<bool, StoreError> {
        let row = social_statuses::table
            .filter(social_statuses::id.eq(self.id.get()))
            .filter(social_statuses::version.eq(self.version));
        Ok(diesel::delete(row).execute(db)? == 1)
    }
}
