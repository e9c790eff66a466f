//! Users imported from another system, a batch in one transaction.
//!
//! Idempotent by address: a row whose address a user has already changes nothing, however that user was made. So an import can be
//! run again, in whole, at any time, and after any crash. Each new user is announced as `user.imported`, which causes no welcome
//! mail; a user without a password is invited to choose one.

use std::collections::{HashMap, HashSet};

use shared_events::UserId;
use shared_events::events::{EmailRequested, UserImported, UserRegistered};

use crate::domain::email::Email;
use crate::domain::imported_user::ImportedUser;
use crate::identity::email::mails;
use crate::identity::one_time::{self, NewLink};
use crate::store::imports::{self, NewImport, NewImportedUser, NewUserRole};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// The result of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowResult {
    Created,
    /// Created, and invited to choose a password.
    Invited,
    /// A user has the address already.
    Unchanged,
    /// For these reasons, which are all there are.
    Refused(Vec<Conflict>),
}

/// Why a well-formed row is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("was imported for another customer_id")]
    AddressOfAnotherCustomer,
    #[error("was imported with another e-mail address")]
    CustomerOfAnotherAddress,
    #[error("has an entry that is no role here")]
    UnknownRole,
}

impl Conflict {
    /// The field at fault.
    pub fn field(self) -> &'static str {
        match self {
            Self::AddressOfAnotherCustomer => "email",
            Self::CustomerOfAnotherAddress => "customer_id",
            Self::UnknownRole => "roles",
        }
    }
}

/// The ids of the roles that the rows name.
type Roles = HashMap<String, i64>;

/// The results of these rows; writes nothing.
pub fn plan(db: &mut Db, rows: &[ImportedUser], default_role: &str) -> Result<Vec<RowResult>, StoreError> {
    let roles = find_roles(db, rows, default_role)?;
    decide(db, rows, &roles)
}

/// Writes the rows that can be; the results are in the order of the rows. `new_link` makes the link of an invitation.
pub fn import(
    db: &mut Db,
    ctx: &Ctx,
    rows: &[ImportedUser],
    default_role: &str,
    new_link: &dyn Fn() -> NewLink,
) -> Result<Outcome<Vec<RowResult>>, StoreError> {
    let roles = find_roles(db, rows, default_role)?;
    let results = decide(db, rows, &roles)?;
    let (mut users, mut imported, mut held) = (Vec::new(), Vec::new(), Vec::new());
    let mut invited = Vec::new();
    let mut outcome = Outcome::new(());
    for (row, result) in rows.iter().zip(&results) {
        if !matches!(result, RowResult::Created | RowResult::Invited) {
            continue;
        }
        let id: UserId = ctx.next_id()?;
        users.push(new_user(ctx, id, row));
        imported.push(NewImport {
            user_id: id.get(),
            customer_id: row.customer_id.clone(),
            imported_on: ctx.now_naive(),
        });
        for role_id in names(row, default_role).iter().filter_map(|name| roles.get(name)) {
            held.push(NewUserRole { user_id: id.get(), role_id: *role_id });
        }
        if *result == RowResult::Invited {
            invited.push((id, &row.email));
        }
        outcome = outcome.event(&UserImported(UserRegistered { id, email: row.email.as_str().to_owned() }));
    }
    match imports::insert(db, &users, &imported, &held) {
        // A parallel registration committed first: start over, and find it.
        Err(StoreError::UniqueViolation) => return Err(StoreError::Serialization),
        inserted => inserted?,
    }
    for (id, email) in invited {
        outcome = outcome.event(&invite(db, ctx, id, email, &new_link())?);
    }
    Ok(outcome.map(|()| results))
}

/// The mail by which a user chooses a password.
fn invite(db: &mut Db, ctx: &Ctx, id: UserId, email: &Email, link: &NewLink) -> Result<EmailRequested, StoreError> {
    // A new user has no invitation yet.
    one_time::issue(db, ctx, &link.secret(id, &email.normalized()))?
        .map_err(|_| StoreError::Corrupt { what: "a new user's invitation" })?;
    Ok(mails::invitation(email, &link.url))
}

fn new_user(ctx: &Ctx, id: UserId, row: &ImportedUser) -> NewImportedUser {
    NewImportedUser {
        id: id.get(),
        email: row.email.as_str().to_owned(),
        email_key: row.email.normalized(),
        password_hash: row.password_hash.clone(),
        language: row.language.clone(),
        country: row.country.clone(),
        is_blocked: !row.is_active,
        blocked_on: (!row.is_active).then(|| ctx.now_naive()),
        registered_on: ctx.now_naive(),
        failed_logins: 0,
        version: 1,
    }
}

fn names(row: &ImportedUser, default_role: &str) -> Vec<String> {
    row.roles.clone().unwrap_or_else(|| vec![default_role.to_owned()])
}

fn find_roles(db: &mut Db, rows: &[ImportedUser], default_role: &str) -> Result<Roles, StoreError> {
    let wanted: HashSet<String> = rows.iter().flat_map(|row| names(row, default_role)).collect();
    let mut roles = Roles::new();
    for name in wanted {
        if let Some(role) = store::roles::find_by_name(db, &name)? {
            roles.insert(name, role.id.get());
        }
    }
    Ok(roles)
}

/// The conflict of a row that is refused already, if it names a role that is none here.
pub fn unknown_role(db: &mut Db, names: &[String]) -> Result<Option<Conflict>, StoreError> {
    for name in names {
        if store::roles::find_by_name(db, name)?.is_none() {
            return Ok(Some(Conflict::UnknownRole));
        }
    }
    Ok(None)
}

fn decide(db: &mut Db, rows: &[ImportedUser], roles: &Roles) -> Result<Vec<RowResult>, StoreError> {
    let keys: Vec<String> = rows.iter().map(|row| row.email.normalized()).collect();
    let customers: Vec<String> = rows.iter().map(|row| row.customer_id.clone()).collect();
    // Grows by the rows of this batch, so that a row is checked against those before it.
    let mut addresses: HashMap<String, Option<String>> = imports::known_addresses(db, &keys)?.into_iter().collect();
    let mut taken: HashSet<String> = imports::known_customers(db, &customers)?.into_iter().collect();
    let mut results = Vec::with_capacity(rows.len());
    for (row, key) in rows.iter().zip(keys) {
        let known_role = row.roles.iter().flatten().all(|name| roles.contains_key(name));
        let owner = addresses.get(&key);
        let conflicts = [
            (owner.is_some(), Conflict::AddressOfAnotherCustomer),
            (taken.contains(&row.customer_id), Conflict::CustomerOfAnotherAddress),
            (!known_role, Conflict::UnknownRole),
        ];
        let conflicts: Vec<Conflict> =
            conflicts.into_iter().filter_map(|(is_met, conflict)| is_met.then_some(conflict)).collect();
        let result = match owner {
            Some(owner) if owner.as_ref().is_none_or(|customer| *customer == row.customer_id) => RowResult::Unchanged,
            _ if !conflicts.is_empty() => RowResult::Refused(conflicts),
            _ if row.password_hash.is_none() && row.is_active => RowResult::Invited,
            _ => RowResult::Created,
        };
        if matches!(result, RowResult::Created | RowResult::Invited) {
            addresses.insert(key, Some(row.customer_id.clone()));
            taken.insert(row.customer_id.clone());
        }
        results.push(result);
    }
    Ok(results)
}
