//! Users imported from another system: many at a time, each with its customer id there.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{imported_users, user_roles, users};
use super::{Db, StoreError};

/// A user's row; the roles are written separately.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct NewImportedUser {
    pub id: i64,
    pub email: String,
    pub email_key: String,
    pub password_hash: Option<String>,
    pub language: Option<String>,
    pub country: Option<String>,
    pub is_blocked: bool,
    pub blocked_on: Option<NaiveDateTime>,
    pub registered_on: NaiveDateTime,
    pub failed_logins: i32,
    pub version: i64,
}

#[derive(Insertable)]
#[diesel(table_name = imported_users)]
pub struct NewImport {
    pub user_id: i64,
    pub customer_id: String,
    pub imported_on: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = user_roles)]
pub struct NewUserRole {
    pub user_id: i64,
    pub role_id: i64,
}

/// Those of these addresses that users have already, each with the customer id it was imported under, if any.
pub fn known_addresses(db: &mut Db, keys: &[String]) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let rows = users::table.left_join(imported_users::table).filter(users::email_key.eq_any(keys));
    Ok(rows.select((users::email_key, imported_users::customer_id.nullable())).load(db)?)
}

/// Those of these customers that were imported already.
pub fn known_customers(db: &mut Db, customers: &[String]) -> Result<Vec<String>, StoreError> {
    let rows = imported_users::table.filter(imported_users::customer_id.eq_any(customers));
    Ok(rows.select(imported_users::customer_id).load(db)?)
}

/// The customer ids of those of these users that were imported.
pub fn customers_of_many(db: &mut Db, users: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
    let rows = imported_users::table.filter(imported_users::user_id.eq_any(users));
    let rows: Vec<(i64, String)> = rows.select((imported_users::user_id, imported_users::customer_id)).load(db)?;
    Ok(rows.into_iter().collect())
}

/// [`StoreError::UniqueViolation`] if an address or a customer is taken.
pub fn insert(
    db: &mut Db,
    users_rows: &[NewImportedUser],
    imports: &[NewImport],
    roles: &[NewUserRole],
) -> Result<(), StoreError> {
    if users_rows.is_empty() {
        return Ok(());
    }
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => {
            diesel::insert_into(users::table).values(users_rows).execute(conn)?;
            diesel::insert_into(imported_users::table).values(imports).execute(conn)?;
            diesel::insert_into(user_roles::table).values(roles).execute(conn)?;
        }
        // SQLite has no round trip to save, and diesel's batch would open a transaction of its own.
        Db::Sqlite(conn) => {
            for row in users_rows {
                diesel::insert_into(users::table).values(row).execute(conn)?;
            }
            for row in imports {
                diesel::insert_into(imported_users::table).values(row).execute(conn)?;
            }
            for row in roles {
                diesel::insert_into(user_roles::table).values(row).execute(conn)?;
            }
        }
    }
    Ok(())
}
