//! Tables of items with an id and a unique name: banks, cities, social statuses.

use serde::Serialize;
use service_kit::http::paging::{Filter, FilterKind, ListQuery, Listing};

use super::{Db, Sequenced, StoreError};
use crate::domain::name::Name;

/// The fields that lists of named items can be filtered by.
pub const FILTERS: &[Filter] =
    &[Filter { name: "id", kind: FilterKind::Integer }, Filter { name: "name", kind: FilterKind::Text }];

/// A row of such a table.
pub trait NamedItem: Sized + Clone + Serialize + Send + 'static {
    type Id: Sequenced + Copy + Send + Sync + 'static;

    /// The name of the kind in an error, such as `bank`.
    const WHAT: &'static str;

    fn new(id: Self::Id, name: Name, version: i64) -> Self;
    fn name(&self) -> &Name;
    fn version(&self) -> i64;

    /// The item under another name, as its next version.
    #[must_use]
    fn renamed(&self, name: Name) -> Self;

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

macro_rules! named_table {
    ($item:ident, $id:ty, $table:ident, $what:literal) => {
        type Row = (i64, String, i64);

        fn read((id, name, version): Row) -> Result<$item, StoreError> {
            let id =
                <$id>::try_new(id).map_err(|_| StoreError::Corrupt { what: concat!(stringify!($table), ".id") })?;
            let name =
                Name::parse(&name).map_err(|_| StoreError::Corrupt { what: concat!(stringify!($table), ".name") })?;
            Ok($item { id, name, version })
        }

        impl NamedItem for $item {
            type Id = $id;

            const WHAT: &'static str = $what;

            fn new(id: $id, name: Name, version: i64) -> Self {
                Self { id, name, version }
            }

            fn name(&self) -> &Name {
                &self.name
            }

            fn version(&self) -> i64 {
                self.version
            }

            fn renamed(&self, name: Name) -> Self {
                Self { id: self.id, name, version: self.version.saturating_add(1) }
            }

            fn find(db: &mut Db, id: $id) -> Result<Option<Self>, StoreError> {
                let row: Option<Row> = $table::table.find(id.get()).first(db).optional()?;
                row.map(read).transpose()
            }

            fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<Self>, StoreError> {
                let select = || {
                    let mut select = $table::table.into_boxed();
                    for (name, value) in &query.filters {
                        select = match (*name, value) {
                            ("id", FilterValue::Integer(id)) => select.filter($table::id.eq(*id)),
                            ("name", FilterValue::Text(text)) => select.filter($table::name.eq(Name::spelled(text))),
                            _ => return Err(StoreError::UnknownFilter(name)),
                        };
                    }
                    Ok::<_, StoreError>(select)
                };
                page_of!(db, query, select, $table::id, Row, read)
            }

            fn insert(&self, db: &mut Db) -> Result<(), StoreError> {
                let row = (
                    $table::id.eq(self.id.get()),
                    $table::name.eq(self.name.as_str()),
                    $table::version.eq(self.version),
                );
                diesel::insert_into($table::table).values(row).execute(db)?;
                Ok(())
            }

            fn update(&self, db: &mut Db) -> Result<bool, StoreError> {
                let before = $table::version.eq(self.version.saturating_sub(1));
                let row = $table::table.filter($table::id.eq(self.id.get())).filter(before);
                let changes = ($table::name.eq(self.name.as_str()), $table::version.eq(self.version));
                Ok(diesel::update(row).set(changes).execute(db)? == 1)
            }

            fn delete(&self, db: &mut Db) -> Result<bool, StoreError> {
                let row = $table::table.filter($table::id.eq(self.id.get())).filter($table::version.eq(self.version));
                Ok(diesel::delete(row).execute(db)? == 1)
            }
        }
    };
}
pub(super) use named_table;
