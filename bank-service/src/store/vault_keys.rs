//! The `vault_keys` table: one row, which names the `SECRET_KEY` that seals this database.

use diesel::prelude::*;

use super::schema::vault_keys;
use super::{Ctx, Db, StoreError};

const ONLY: i64 = 1;

/// The stored identification of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKey {
    /// A keyed hash in hex digits: it identifies the key, and cannot open anything.
    pub fingerprint: String,
    /// A short or an example key, which only development accepts.
    pub development: bool,
}

pub fn find(db: &mut Db) -> Result<Option<VaultKey>, StoreError> {
    let row = vault_keys::table.find(ONLY).select((vault_keys::fingerprint, vault_keys::development));
    let found: Option<(String, bool)> = row.first(db).optional()?;
    Ok(found.map(|(fingerprint, development)| VaultKey { fingerprint, development }))
}

/// Stores the key of a database that has none yet. If another process did so first, the transaction starts over.
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

/// Replaces the key that was read; of parallel callers one succeeds, the others start over.
pub fn replace(db: &mut Db, ctx: &Ctx, before: &VaultKey, after: &VaultKey) -> Result<(), StoreError> {
    let row = vault_keys::table.find(ONLY).filter(vault_keys::fingerprint.eq(&before.fingerprint));
    let changes = (
        vault_keys::fingerprint.eq(&after.fingerprint),
        vault_keys::development.eq(after.development),
        vault_keys::since.eq(ctx.now_naive()),
    );
    if diesel::update(row).set(changes).execute(db)? == 1 { Ok(()) } else { Err(StoreError::Serialization) }
}
