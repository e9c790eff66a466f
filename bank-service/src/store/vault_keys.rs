//! The `vault_keys` table: one row, which says under which `SECRET_KEY` this database is sealed.

use diesel::prelude::*;

use super::schema::vault_keys;
use super::{Ctx, Db, StoreError};

const ONLY: i64 = 1;

/// A key as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKey {
    /// A keyed hash in hex digits: it names the key, and opens nothing.
    pub fingerprint: String,
    /// A short or an example key, which development alone takes.
    pub development: bool,
}

pub fn find(db: &mut Db) -> Result<Option<VaultKey>, StoreError> {
    let row = vault_keys::table.find(ONLY).select((vault_keys::fingerprint, vault_keys::development));
    let found: Option<(String, bool)> = row.first(db).optional()?;
    Ok(found.map(|(fingerprint, development)| VaultKey { fingerprint, development }))
}

/// Notes the key of a database that has none yet. Where somebody else was quicker, the transaction starts over.
pub fn insert(db: &mut Db, ctx: &Ctx, key: &VaultKey) -> Result<(), StoreError> {
    let row = (
        vault_keys::id.eq(ONLY),
        vault_keys::fingerprint.eq(&key.fingerprint),
        vault_keys::development.eq(key.development),
        vault_keys::since.eq(ctx.now_naive()),
    );
    match diesel::insert_into(vault_keys::table).values(row).execute(db).map_err(StoreError::from) {
        Err(StoreError::UniqueViolation) => Err(StoreError::Serialization),
        inserted => inserted.map(drop),
    }
}

/// Puts a key in the place of the one that was read; of parallel callers one succeeds, the others start over.
pub fn replace(db: &mut Db, ctx: &Ctx, before: &VaultKey, after: &VaultKey) -> Result<(), StoreError> {
    let row = vault_keys::table.find(ONLY).filter(vault_keys::fingerprint.eq(&before.fingerprint));
    let changes = (
        vault_keys::fingerprint.eq(&after.fingerprint),
        vault_keys::development.eq(after.development),
        vault_keys::since.eq(ctx.now_naive()),
    );
    if diesel::update(row).set(changes).execute(db)? == 1 { Ok(()) } else { Err(StoreError::Serialization) }
}
