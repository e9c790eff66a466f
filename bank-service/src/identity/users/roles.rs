//! Roles beside the built-in ones.

use shared_events::RoleId;
use shared_events::events::{self, RoleCreated, RoleDeleted, RoleUpdated};

use crate::domain::role::{BUILT_IN, Role, RoleName};
use crate::domain::version::Expected;
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, IdempotencyError, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    #[error("there is no such role")]
    NotFound,
    #[error("the name is taken")]
    NameTaken,
    #[error("a built-in role stays as it is")]
    BuiltIn,
    #[error("users hold the role")]
    Held,
    #[error("the role was changed meanwhile")]
    Stale,
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(RoleError);

pub fn create_role(db: &mut Db, ctx: &Ctx, name: &RoleName) -> Result<Outcome<Role>, RoleError> {
    if store::roles::find_by_name(db, name.as_str())?.is_some() {
        return Err(RoleError::NameTaken);
    }
    let role = Role { id: ctx.next_id()?, name: name.as_str().to_owned(), version: 1 };
    store::roles::insert(db, role.id, name).map_err(name_taken)?;
    let event = RoleCreated(events::Role::from(&role));
    Ok(Outcome::new(role).event(&event))
}

/// Renames a role. Its holders keep it, and their tokens carry the new name from the next refresh on.
pub fn rename_role(
    db: &mut Db,
    _: &Ctx,
    id: RoleId,
    name: Option<&RoleName>,
    expected: &Expected,
) -> Result<Outcome<Role>, RoleError> {
    let mut role = load_changeable(db, id, expected)?;
    let Some(name) = name.filter(|name| name.as_str() != role.name) else { return Ok(Outcome::new(role)) };
    role.version += 1;
    name.as_str().clone_into(&mut role.name);
    written(store::roles::update(db, &role).map_err(name_taken)?)?;
    let event = RoleUpdated(events::Role::from(&role));
    Ok(Outcome::new(role).event(&event))
}

/// Deletes a role without holders.
pub fn delete_role(db: &mut Db, _: &Ctx, id: RoleId, expected: &Expected) -> Result<Outcome<Role>, RoleError> {
    let role = load_changeable(db, id, expected)?;
    if store::roles::is_held(db, id)? {
        return Err(RoleError::Held);
    }
    match store::roles::delete(db, id) {
        Err(StoreError::ForeignKeyViolation) => return Err(RoleError::Held),
        deleted => written(deleted?)?,
    }
    let event = RoleDeleted(events::Role::from(&role));
    Ok(Outcome::new(role).event(&event))
}

fn load_changeable(db: &mut Db, id: RoleId, expected: &Expected) -> Result<Role, RoleError> {
    let role = store::roles::find(db, id)?.ok_or(RoleError::NotFound)?;
    if BUILT_IN.contains(&role.name.as_str()) {
        return Err(RoleError::BuiltIn);
    }
    if expected.accepts(role.version) { Ok(role) } else { Err(RoleError::Stale) }
}

fn name_taken(error: StoreError) -> RoleError {
    match error {
        StoreError::UniqueViolation => RoleError::NameTaken,
        error => RoleError::Store(error),
    }
}

/// Finds the roles of these names; the error is the first name without a role.
pub(in crate::identity) fn role_ids(db: &mut Db, names: &[String]) -> Result<Result<Vec<RoleId>, String>, StoreError> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        match store::roles::find_by_name(db, name)? {
            Some(role) if ids.contains(&role.id) => {}
            Some(role) => ids.push(role.id),
            None => return Ok(Err(name.clone())),
        }
    }
    Ok(Ok(ids))
}
