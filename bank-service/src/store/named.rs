//! Tables of items with an id and a unique name: banks, cities, social statuses.

use serde::Serialize;
use service_kit::http::paging::{Filter, FilterKind, ListQuery, Listing};

use super::former_names::Party;
use super::{Db, Sequenced, StoreError};
use crate::domain::name::Name;

/// The fields that lists of named items can be filtered by.
pub const FILTERS: &[Filter] =
    &[Filter { name: "id", kind: FilterKind::Integer }, Filter { name: "name", kind: FilterKind::Text }];

/// Id, name and version.
pub(super) type Row = (i64, String, i64);

/// A row of such a table.
pub trait NamedItem: Sized + Clone + Serialize + Send + 'static {
    type Id: Sequenced + Copy + Send + Sync + 'static;

    /// The name of the kind in an error, such as `bank`.
    const WHAT: &'static str;

    fn new(id: Self::Id, name: Name, version: i64) -> Self;
    fn name(&self) -> &Name;
    fn version(&self) -> i64;

    /// The party whose former names are kept, if it is one.
    fn party(&self) -> Option<Party> {
        None
    }

    fn find(db: &mut Db, id: Self::Id) -> Result<Option<Self>, StoreError>;

    /// A page, by id.
    fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Self>, StoreError>;

    /// [`StoreError::UniqueViolation`] if the name is taken.
    fn insert(&self, db: &mut Db) -> Result<(), StoreError>;

    /// Writes this version over the one before it; false if that no longer exists.
    fn update(&self, db: &mut Db) -> Result<bool, StoreError>;

    /// Deletes this version; false if it no longer exists. [`StoreError::ForeignKeyViolation`] if others refer to it.
    fn delete(&self, db: &mut Db) -> Result<bool, StoreError>;
}
