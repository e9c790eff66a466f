//! The `user_roles` table.

use std::collections::HashMap;

use diesel::prelude::*;
use shared_events::{RoleId, UserId};

use super::schema::{roles, user_roles, users};
use super::{Db, StoreError};

/// The names of a user's roles, sorted.
pub fn names(db: &mut Db, user: UserId) -> Result<Vec<String>, StoreError> {
    let held = user_roles::table.inner_join(roles::table).filter(user_roles::user_id.eq(user.get()));
    Ok(held.select(roles::name).order(roles::name).load(db)?)
}

/// The role names of the users of a page, sorted per user.
pub fn names_of_many(db: &mut Db, users: &[i64]) -> Result<HashMap<i64, Vec<String>>, StoreError> {
    let held = user_roles::table.inner_join(roles::table).filter(user_roles::user_id.eq_any(users.to_vec()));
    let rows: Vec<(i64, String)> = held.select((user_roles::user_id, roles::name)).order(roles::name).load(db)?;
    let mut names: HashMap<i64, Vec<String>> = HashMap::new();
    for (user, name) in rows {
        names.entry(user).or_default().push(name);
    }
    Ok(names)
}

/// Sets the roles of a user to exactly these.
pub fn replace(db: &mut Db, user: UserId, roles: &[RoleId]) -> Result<(), StoreError> {
    delete_all(db, user)?;
    for role in roles {
        let row = (user_roles::user_id.eq(user.get()), user_roles::role_id.eq(role.get()));
        diesel::insert_into(user_roles::table).values(row).execute(db)?;
    }
    Ok(())
}

pub fn delete_all(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    diesel::delete(user_roles::table.filter(user_roles::user_id.eq(user.get()))).execute(db)?;
    Ok(())
}

/// Whether an unblocked user holds the role.
pub fn has_holder(db: &mut Db, role: &str) -> Result<bool, StoreError> {
    let holder: Option<i64> = user_roles::table
        .inner_join(roles::table)
        .inner_join(users::table)
        .filter(roles::name.eq(role))
        .filter(users::is_blocked.eq(false))
        .select(users::id)
        .first(db)
        .optional()?;
    Ok(holder.is_some())
}

/// Whether another unblocked user holds the role.
pub fn another_holder(db: &mut Db, role: &str, than: UserId) -> Result<bool, StoreError> {
    let holder: Option<i64> = user_roles::table
        .inner_join(roles::table)
        .inner_join(users::table)
        .filter(roles::name.eq(role))
        .filter(users::is_blocked.eq(false))
        .filter(users::id.ne(than.get()))
        .select(users::id)
        .first(db)
        .optional()?;
    Ok(holder.is_some())
}
