//! The `clients` table. A client's owner is its user.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{ClientId, SocialStatusId, UserId};

use super::page::page_of;
use super::schema::{clients, users};
use super::{Db, StoreError};
use crate::domain::account::Holder;
use crate::domain::client::Client;
use crate::domain::name::Name;
use crate::domain::policy::Scope;

/// The fields that a list of clients can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "name", kind: FilterKind::Text },
    Filter { name: "social_status_id", kind: FilterKind::Integer },
    Filter { name: "user_id", kind: FilterKind::Integer },
];

type Row = (i64, String, Option<i64>, i64, i64);

fn read((id, name, social_status_id, user_id, version): Row) -> Result<Client, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    Ok(Client {
        id: ClientId::try_new(id).map_err(corrupt("clients.id"))?,
        name: Name::parse(&name).map_err(|_| StoreError::Corrupt { what: "clients.name" })?,
        social_status_id: social_status_id
            .map(SocialStatusId::try_new)
            .transpose()
            .map_err(corrupt("clients.social_status_id"))?,
        user_id: UserId::try_new(user_id).map_err(corrupt("clients.user_id"))?,
        version,
    })
}

/// A client, if it exists within the scope.
pub fn find(db: &mut Db, scope: Scope, id: ClientId) -> Result<Option<Client>, StoreError> {
    let row: Option<Row> = clients::table.find(id.get()).first(db).optional()?;
    let client = row.map(read).transpose()?;
    Ok(client.filter(|client| scope.covers(client.user_id)))
}

pub fn find_by_user(db: &mut Db, user: UserId) -> Result<Option<Client>, StoreError> {
    let row: Option<Row> = clients::table.filter(clients::user_id.eq(user.get())).first(db).optional()?;
    row.map(read).transpose()
}

/// Name and address of a client, if it exists within the scope.
pub fn holder(db: &mut Db, scope: Scope, id: ClientId) -> Result<Option<Holder>, StoreError> {
    let row: Option<(String, String, i64)> = clients::table
        .inner_join(users::table)
        .filter(clients::id.eq(id.get()))
        .select((clients::name, users::email, clients::user_id))
        .first(db)
        .optional()?;
    let Some((name, email, owner)) = row else { return Ok(None) };
    let owner = UserId::try_new(owner).map_err(|_| StoreError::Corrupt { what: "clients.user_id" })?;
    Ok(scope.covers(owner).then_some(Holder { user_id: owner, name, email }))
}

/// A page of all clients, by id.
pub fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Client>, StoreError> {
    let select = || {
        let mut select = clients::table.into_boxed();
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(clients::id.eq(*id)),
                ("name", FilterValue::Text(text)) => select.filter(clients::name.eq(Name::spelled(text))),
                ("social_status_id", FilterValue::Integer(id)) => select.filter(clients::social_status_id.eq(*id)),
                ("user_id", FilterValue::Integer(id)) => select.filter(clients::user_id.eq(*id)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, clients::id, Row, read)
}

/// [`StoreError::UniqueViolation`] if the user is a client already, [`StoreError::ForeignKeyViolation`] if the user or the
/// social status does not exist.
pub fn insert(db: &mut Db, client: &Client) -> Result<(), StoreError> {
    let row = (
        clients::id.eq(client.id.get()),
        clients::name.eq(client.name.as_str()),
        clients::social_status_id.eq(client.social_status_id.map(SocialStatusId::get)),
        clients::user_id.eq(client.user_id.get()),
        clients::version.eq(client.version),
    );
    diesel::insert_into(clients::table).values(row).execute(db)?;
    Ok(())
}

/// Writes this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, client: &Client) -> Result<bool, StoreError> {
    let before = clients::version.eq(client.version.saturating_sub(1));
    let row = clients::table.filter(clients::id.eq(client.id.get())).filter(before);
    let changes = (
        clients::name.eq(client.name.as_str()),
        clients::social_status_id.eq(client.social_status_id.map(SocialStatusId::get)),
        clients::version.eq(client.version),
    );
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Deletes this version; false if it no longer exists.
pub fn delete(db: &mut Db, client: &Client) -> Result<bool, StoreError> {
    let row = clients::table.filter(clients::id.eq(client.id.get())).filter(clients::version.eq(client.version));
    Ok(diesel::delete(row).execute(db)? == 1)
}
