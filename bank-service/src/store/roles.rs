//! The `roles` table.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::RoleId;

use super::page::page_of;
use super::schema::{roles, user_roles};
use super::{Db, StoreError};
use crate::domain::role::{Role, RoleName};

/// The fields that a list of roles can be filtered by.
pub const FILTERS: &[Filter] =
    &[Filter { name: "id", kind: FilterKind::Integer }, Filter { name: "name", kind: FilterKind::Text }];

type Row = (i64, String, i64);

fn read((id, name, version): Row) -> Result<Role, StoreError> {
    let id = RoleId::try_new(id).map_err(|_| StoreError::Corrupt { what: "roles.id" })?;
    Ok(Role { id, name, version })
}

pub fn find(db: &mut Db, id: RoleId) -> Result<Option<Role>, StoreError> {
    let row: Option<Row> = roles::table.find(id.get()).first(db).optional()?;
    row.map(read).transpose()
}

pub fn find_by_name(db: &mut Db, name: &str) -> Result<Option<Role>, StoreError> {
    let row: Option<Row> = roles::table.filter(roles::name.eq(name)).first(db).optional()?;
    row.map(read).transpose()
}

/// A page of roles, by id.
pub fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Role>, StoreError> {
    let select = || {
        let mut select = roles::table.into_boxed();
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(roles::id.eq(*id)),
                ("name", FilterValue::Text(text)) => select.filter(roles::name.eq(text.clone())),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, roles::id, Row, read)
}

/// [`StoreError::UniqueViolation`] if the name is taken.
pub fn insert(db: &mut Db, id: RoleId, name: &RoleName) -> Result<(), StoreError> {
    let row = (roles::id.eq(id.get()), roles::name.eq(name.as_str()), roles::version.eq(1_i64));
    diesel::insert_into(roles::table).values(row).execute(db)?;
    Ok(())
}

/// Writes this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, role: &Role) -> Result<bool, StoreError> {
    let row =
        roles::table.filter(roles::id.eq(role.id.get())).filter(roles::version.eq(role.version.saturating_sub(1)));
    let changes = (roles::name.eq(&role.name), roles::version.eq(role.version));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// False if the role does not exist.
pub fn delete(db: &mut Db, id: RoleId) -> Result<bool, StoreError> {
    Ok(diesel::delete(roles::table.filter(roles::id.eq(id.get()))).execute(db)? == 1)
}

/// Whether any user holds the role.
pub fn is_held(db: &mut Db, id: RoleId) -> Result<bool, StoreError> {
    let holder: Option<i64> =
        user_roles::table.filter(user_roles::role_id.eq(id.get())).select(user_roles::user_id).first(db).optional()?;
    Ok(holder.is_some())
}

/// Serialises the transactions that change who holds a role, on engines with parallel transactions.
pub fn lock(db: &mut Db, name: &str) -> Result<(), StoreError> {
    diesel::update(roles::table.filter(roles::name.eq(name))).set(roles::version.eq(roles::version)).execute(db)?;
    Ok(())
}
