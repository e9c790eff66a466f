//! The roles that rules refer to, and the default role of new users.

use shared_events::RoleId;

use crate::domain::role::{BUILT_IN, RoleName, RoleNameError};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// Adds the built-in roles and the default role where they are missing. Several replicas may do it at once.
pub fn seed_roles(db: &mut Db, ctx: &Ctx, default_role: &str) -> Result<Outcome<()>, StoreError> {
    for name in BUILT_IN.into_iter().chain([default_role]) {
        if store::roles::find_by_name(db, name)?.is_some() {
            continue;
        }
        let name =
            RoleName::parse(name).map_err(|_: RoleNameError| StoreError::Corrupt { what: "the default role" })?;
        let id: RoleId = ctx.next_id()?;
        match store::roles::insert(db, id, &name) {
            // Another replica was quicker: start over and find its role.
            Err(StoreError::UniqueViolation) => return Err(StoreError::Serialization),
            inserted => inserted?,
        }
    }
    Ok(Outcome::new(()))
}
