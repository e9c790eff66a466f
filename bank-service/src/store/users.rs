//! The `users` table. Only [`credentials`] returns password hashes.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Timestamp};
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{AccountId, ClientId, UserId};

use super::page::page_of;
use super::schema::{accounts, clients, users};
use super::{Db, StoreError, imports, second_factors, user_roles};
use crate::domain::email::Email;
use crate::domain::user::{CredentialVersion, Holdings, Profile, User};

/// The fields that a list of users can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "email", kind: FilterKind::Text },
    Filter { name: "username", kind: FilterKind::Text },
    Filter { name: "is_blocked", kind: FilterKind::Boolean },
];

/// A user's row without the password hash and the login delays.
type Row =
    (i64, AddressRow, ProfileRow, bool, Option<NaiveDateTime>, Option<NaiveDateTime>, NaiveDateTime, VersionsRow);
/// The versions of the user and of its credentials.
type VersionsRow = (i64, i64);
type AddressRow = (String, Option<NaiveDateTime>, Option<NaiveDateTime>);
type ProfileRow = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

/// The columns of [`Row`].
macro_rules! columns {
    () => {
        (
            users::id,
            (users::email, users::email_verified_at, users::settled_at),
            (users::first_name, users::last_name, users::username, users::language, users::country),
            users::is_blocked,
            users::blocked_on,
            users::last_login_date,
            users::registered_on,
            (users::version, users::credential_version),
        )
    };
}

/// The user of a row, without the data of other tables.
fn read(row: Row) -> Result<User, StoreError> {
    let (
        id,
        (email, email_verified_at, settled_at),
        profile,
        is_blocked,
        blocked_on,
        last_login_date,
        registered_on,
        versions,
    ) = row;
    let (version, credentials) = versions;
    let (first_name, last_name, username, language, country) = profile;
    Ok(User {
        id: UserId::try_new(id).map_err(|_| StoreError::Corrupt { what: "users.id" })?,
        email: Email::parse(&email).map_err(|_| StoreError::Corrupt { what: "users.email" })?,
        email_verified_on: email_verified_at.map(|date| date.and_utc()),
        is_settled: settled_at.is_some(),
        profile: Profile { first_name, last_name, username, language, country },
        roles: Vec::new(),
        mfa_enabled: false,
        customer_id: None,
        is_blocked,
        blocked_on: blocked_on.map(|date| date.and_utc()),
        last_login_date: last_login_date.map(|date| date.and_utc()),
        registered_on: registered_on.and_utc(),
        credentials: CredentialVersion(credentials),
        version,
    })
}

pub fn find(db: &mut Db, id: UserId) -> Result<Option<User>, StoreError> {
    let row: Option<Row> = users::table.find(id.get()).select(columns!()).first(db).optional()?;
    with_roles(db, row)
}

fn with_roles(db: &mut Db, row: Option<Row>) -> Result<Option<User>, StoreError> {
    let Some(user) = row.map(read).transpose()? else { return Ok(None) };
    let id = [user.id.get()];
    Ok(Some(User {
        roles: user_roles::names(db, user.id)?,
        mfa_enabled: second_factors::is_active(db, user.id)?,
        customer_id: imports::customers_of_many(db, &id)?.remove(&user.id.get()),
        ..user
    }))
}

pub fn find_by_email(db: &mut Db, email: &Email) -> Result<Option<User>, StoreError> {
    id_of(db, email)?.map_or(Ok(None), |id| find(db, id))
}

/// One query, whether the address exists or not.
pub fn id_of(db: &mut Db, email: &Email) -> Result<Option<UserId>, StoreError> {
    let id: Option<i64> =
        users::table.filter(users::email_key.eq(email.normalized())).select(users::id).first(db).optional()?;
    id.map(UserId::try_new).transpose().map_err(|_| StoreError::Corrupt { what: "users.id" })
}

/// A page of users, by id.
pub fn list(db: &mut Db, query: &ListQuery) -> Result<Listing<User>, StoreError> {
    let mut listing = page(db, query)?;
    let ids: Vec<i64> = listing.rows.iter().map(|user| user.id.get()).collect();
    let mut roles = user_roles::names_of_many(db, &ids)?;
    let secured = second_factors::active_of_many(db, &ids)?;
    let mut customers = imports::customers_of_many(db, &ids)?;
    for user in &mut listing.rows {
        let id = user.id.get();
        user.roles = roles.remove(&id).unwrap_or_default();
        user.mfa_enabled = secured.contains(&id);
        user.customer_id = customers.remove(&id);
    }
    Ok(listing)
}

fn page(db: &mut Db, query: &ListQuery) -> Result<Listing<User>, StoreError> {
    let select = || {
        let mut select = users::table.select(columns!()).into_boxed();
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(users::id.eq(*id)),
                ("email", FilterValue::Text(text)) => {
                    let key = Email::parse(text).map_or_else(|_| text.clone(), |email| email.normalized());
                    select.filter(users::email_key.eq(key))
                }
                ("username", FilterValue::Text(text)) => select.filter(users::username.eq(text.clone())),
                ("is_blocked", FilterValue::Boolean(blocked)) => select.filter(users::is_blocked.eq(*blocked)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, users::id, Row, read)
}

pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a Email,
    /// None for a user who has no password yet.
    pub password_hash: Option<&'a str>,
    pub profile: &'a Profile,
    pub registered_on: DateTime<Utc>,
}

/// [`StoreError::UniqueViolation`] if the address is taken.
pub fn insert(db: &mut Db, user: &NewUser<'_>) -> Result<(), StoreError> {
    let profile = user.profile;
    let row = (
        users::id.eq(user.id.get()),
        users::email.eq(user.email.as_str()),
        users::email_key.eq(user.email.normalized()),
        users::password_hash.eq(user.password_hash),
        users::first_name.eq(&profile.first_name),
        users::last_name.eq(&profile.last_name),
        users::username.eq(&profile.username),
        users::language.eq(&profile.language),
        users::country.eq(&profile.country),
        users::is_blocked.eq(false),
        users::registered_on.eq(user.registered_on.naive_utc()),
        users::failed_logins.eq(0),
        users::version.eq(1_i64),
    );
    diesel::insert_into(users::table).values(row).execute(db)?;
    Ok(())
}

/// Writes profile and block of this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, user: &User) -> Result<bool, StoreError> {
    let profile = &user.profile;
    let changes = (
        users::first_name.eq(&profile.first_name),
        users::last_name.eq(&profile.last_name),
        users::username.eq(&profile.username),
        users::language.eq(&profile.language),
        users::country.eq(&profile.country),
        users::is_blocked.eq(user.is_blocked),
        users::blocked_on.eq(user.blocked_on.map(|date| date.naive_utc())),
        users::version.eq(user.version),
    );
    let row =
        users::table.filter(users::id.eq(user.id.get())).filter(users::version.eq(user.version.saturating_sub(1)));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// False if the user does not exist.
pub fn delete(db: &mut Db, id: UserId) -> Result<bool, StoreError> {
    Ok(diesel::delete(users::table.filter(users::id.eq(id.get()))).execute(db)? == 1)
}

/// The data that a login is checked against.
pub struct Credentials {
    pub user_id: UserId,
    /// None for a user who has no password.
    pub password_hash: Option<String>,
    pub is_blocked: bool,
    /// The version that a password check is bound to.
    pub version: CredentialVersion,
}

type CredentialsRow = (i64, Option<String>, bool, i64);

/// The columns of [`CredentialsRow`].
const CREDENTIALS: (users::id, users::password_hash, users::is_blocked, users::credential_version) =
    (users::id, users::password_hash, users::is_blocked, users::credential_version);

pub fn credentials(db: &mut Db, email: &Email) -> Result<Option<Credentials>, StoreError> {
    let row: Option<CredentialsRow> =
        users::table.filter(users::email_key.eq(email.normalized())).select(CREDENTIALS).first(db).optional()?;
    row.map(read_credentials).transpose()
}

pub fn credentials_of(db: &mut Db, id: UserId) -> Result<Option<Credentials>, StoreError> {
    let row: Option<CredentialsRow> = users::table.find(id.get()).select(CREDENTIALS).first(db).optional()?;
    row.map(read_credentials).transpose()
}

fn read_credentials(row: CredentialsRow) -> Result<Credentials, StoreError> {
    let (id, password_hash, is_blocked, version) = row;
    let user_id = UserId::try_new(id).map_err(|_| StoreError::Corrupt { what: "users.id" })?;
    Ok(Credentials { user_id, password_hash, is_blocked, version: CredentialVersion(version) })
}

/// The user, with the row locked until the transaction ends: logins and changes of credentials wait for each other, on
/// engines with parallel transactions.
pub fn hold(db: &mut Db, id: UserId) -> Result<Option<User>, StoreError> {
    let row = users::table.find(id.get()).select(columns!());
    let row: Option<Row> = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => row.for_update().first(conn).optional()?,
        // SQLite runs one write transaction at a time.
        Db::Sqlite(conn) => row.first(conn).optional()?,
    };
    with_roles(db, row)
}

/// Raises the version of a user's credentials.
pub fn outdate_proofs(db: &mut Db, id: UserId) -> Result<(), StoreError> {
    let raised = users::credential_version.eq(users::credential_version + 1);
    diesel::update(users::table.find(id.get())).set(raised).execute(db)?;
    Ok(())
}

/// Records the date of a login. Clears the failures that the last release counted in this row.
pub fn record_login(db: &mut Db, id: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let login = RecordLogin { id: id.get(), now: now.naive_utc() };
    let changed = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => RunQueryDsl::execute(login, conn)?,
        Db::Sqlite(conn) => RunQueryDsl::execute(login, conn)?,
    };
    Ok(changed == 1)
}

/// An UPDATE whose statement is cached; diesel would prepare its own anew at every login.
#[derive(QueryId)]
struct RecordLogin {
    id: i64,
    now: NaiveDateTime,
}

impl<DB> QueryFragment<DB> for RecordLogin
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
    NaiveDateTime: ToSql<Timestamp, DB>,
    DB: HasSqlType<BigInt> + HasSqlType<Timestamp>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE users SET last_login_date = ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(", failed_logins = 0, login_not_before = NULL WHERE id = ");
        out.push_bind_param::<BigInt, _>(&self.id)
    }
}

impl<Conn> RunQueryDsl<Conn> for RecordLogin {}

/// Replaces a hash that was just checked; false if it was changed meanwhile.
pub fn replace_password_hash(db: &mut Db, id: UserId, old: &str, new: &str) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.get())).filter(users::password_hash.eq(old));
    Ok(diesel::update(row).set(users::password_hash.eq(new)).execute(db)? == 1)
}

/// Records that an address was verified; false if the user has another one by now.
pub fn mark_email_verified(db: &mut Db, id: UserId, email: &Email, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.get())).filter(users::email_key.eq(email.normalized()));
    let changes = (users::email_verified_at.eq(now.naive_utc()), users::version.eq(users::version + 1));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Sets another, verified address for this version of a user; false if the user was changed meanwhile.
/// [`StoreError::UniqueViolation`] if the address is taken.
pub fn replace_email(db: &mut Db, user: &User, email: &Email, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(user.id.get())).filter(users::version.eq(user.version));
    let changes = (
        users::email.eq(email.as_str()),
        users::email_key.eq(email.normalized()),
        users::email_verified_at.eq(now.naive_utc()),
        users::settled_at.eq(None::<NaiveDateTime>),
        users::version.eq(user.version.saturating_add(1)),
    );
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Records that the account's holder reads the mail of its address.
pub fn settle(db: &mut Db, id: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.get())).set(users::settled_at.eq(now.naive_utc())).execute(db)?;
    Ok(())
}

/// Sets another, unverified address; false if the user does not exist. [`StoreError::UniqueViolation`] if the address is
/// taken.
pub fn set_email(db: &mut Db, id: UserId, email: &Email) -> Result<bool, StoreError> {
    let changes = (
        users::email.eq(email.as_str()),
        users::email_key.eq(email.normalized()),
        users::email_verified_at.eq(None::<NaiveDateTime>),
        users::settled_at.eq(None::<NaiveDateTime>),
    );
    Ok(diesel::update(users::table.find(id.get())).set(changes).execute(db)? == 1)
}

/// Sets a password whatever it was before; false if the user does not exist.
pub fn reset_password_hash(db: &mut Db, id: UserId, new: &str) -> Result<bool, StoreError> {
    Ok(diesel::update(users::table.find(id.get())).set(users::password_hash.eq(new)).execute(db)? == 1)
}

/// Sets the first password of a user without one; false if it has one by now.
pub fn set_first_password_hash(db: &mut Db, id: UserId, new: &str) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.get())).filter(users::password_hash.is_null());
    Ok(diesel::update(row).set(users::password_hash.eq(new)).execute(db)? == 1)
}

/// The client of a user and its first `limit` accounts.
pub fn holdings(db: &mut Db, id: UserId, limit: usize) -> Result<Holdings, StoreError> {
    let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows: Vec<(i64, Option<i64>)> = clients::table
        .left_join(accounts::table)
        .filter(clients::user_id.eq(id.get()))
        .select((clients::id, accounts::id.nullable()))
        .order(accounts::id)
        .limit(one_more)
        .load(db)?;
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    let client = rows.first().map(|(client, _)| ClientId::try_new(*client)).transpose();
    let known = rows.iter().filter_map(|(_, account)| *account).take(limit).map(AccountId::try_new);
    Ok(Holdings {
        client_id: client.map_err(corrupt("clients.id"))?,
        account_ids: known.collect::<Result<_, _>>().map_err(corrupt("accounts.id"))?,
        truncated: rows.len() > limit,
    })
}
