//! Checks of a database before the service writes to it: it may be new, of an earlier release, or another application's. A
//! missing table answers a check with no. They only read, and block.

use super::vault_keys::{self, VaultKey};
use super::{DatabaseUrl, Db, StoreError, engine, migrations, roles};
use crate::domain::role::RoleName;

/// Whether no migration has been applied yet.
pub fn is_new(url: &DatabaseUrl) -> Result<bool, StoreError> {
    Ok(query_existing(url, |db| migrations::applied(db).map(|applied| !applied.is_empty()))? != Some(true))
}

/// Whether the role exists already.
pub fn has_role(url: &DatabaseUrl, role: &RoleName) -> Result<bool, StoreError> {
    Ok(query_existing(url, |db| roles::find_by_name(db, role.as_str()))?.flatten().is_some())
}

/// The key that the database names as the one it is sealed under, if any.
pub fn vault_key(url: &DatabaseUrl) -> Result<Option<VaultKey>, StoreError> {
    Ok(query_existing(url, vault_keys::find)?.flatten())
}

/// A connection that only reads a database of this release, and leaves no file beside it. Blocks.
pub fn open(url: &DatabaseUrl) -> Result<Db, StoreError> {
    migrations::refuse_outdated(url)?;
    engine::open_existing(url)
}

/// A connection that also writes. Blocks.
pub fn open_to_write(url: &DatabaseUrl) -> Result<Db, StoreError> {
    migrations::refuse_outdated(url)?;
    engine::open(url)
}

/// None: the table or the database does not exist.
fn query_existing<T>(
    url: &DatabaseUrl,
    question: impl FnOnce(&mut Db) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let Some(mut db) = engine::open_to_read(url)? else { return Ok(None) };
    match question(&mut db) {
        Err(StoreError::Database(diesel::result::Error::DatabaseError(_, info)))
            if migrations::is_missing_table(info.message()) =>
        {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_queried_without_being_made_or_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.sqlite");
        let url = DatabaseUrl::Sqlite(path.clone());
        let (user, other) = (RoleName::parse("user").unwrap(), RoleName::parse("auditor").unwrap());
        assert!(is_new(&url).unwrap() && !has_role(&url, &user).unwrap() && vault_key(&url).unwrap().is_none());
        assert!(!path.exists());
        migrations::upgrade(&url).unwrap();
        assert!(!is_new(&url).unwrap() && !has_role(&url, &other).unwrap() && vault_key(&url).unwrap().is_none());
        let mut db = engine::open(&url).unwrap();
        roles::insert(&mut db, shared_events::RoleId::try_new(9).unwrap(), &other).unwrap();
        assert!(has_role(&url, &other).unwrap());
    }
}
