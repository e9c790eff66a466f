//! Users: accounts that can log in, with their profile.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, ClientId, UserId};

use super::email::Email;

/// Counts the changes of a user's credentials. What was proved under an older version opens no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialVersion(pub i64);

/// A user as the store holds it. The password's hash never leaves with it: it is read only where a login is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    /// When its owner proved the address; none until then.
    pub email_verified_on: Option<DateTime<Utc>>,
    /// Whether the account's holder was found to read the mail of its address: nothing on it can be a stranger's.
    pub is_settled: bool,
    pub profile: Profile,
    /// Sorted by name.
    pub roles: Vec<String>,
    /// Whether a login asks for a second factor.
    pub mfa_enabled: bool,
    /// The id that the user had where it was imported from.
    pub customer_id: Option<String>,
    pub is_blocked: bool,
    pub blocked_on: Option<DateTime<Utc>>,
    pub last_login_date: Option<DateTime<Utc>>,
    pub registered_on: DateTime<Utc>,
    pub credentials: CredentialVersion,
    /// Counts the changes; the item's `ETag`.
    pub version: i64,
}

impl User {
    /// The words that make a password of this user guessable.
    pub fn words(&self) -> Vec<String> {
        let mut words = self.email.words();
        words.extend(self.profile.words());
        words
    }
}

/// The facts about itself that a user may set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub language: Option<String>,
    pub country: Option<String>,
}

impl Profile {
    /// The names in it.
    pub fn words(&self) -> impl Iterator<Item = String> {
        [&self.first_name, &self.last_name, &self.username].into_iter().flatten().cloned()
    }
}

/// The client and the accounts of a user, as its tokens and `/auth/me` show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    pub client_id: Option<ClientId>,
    /// The first [`MAX_SHOWN_ACCOUNTS`] by id.
    pub account_ids: Vec<AccountId>,
    /// Whether there are more.
    pub truncated: bool,
}

/// A token stays below 4 KiB however many accounts its user has: ownership is read from the database.
pub const MAX_SHOWN_ACCOUNTS: usize = 100;

/// A user as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UserView {
    /// The user's id.
    #[schema(value_type = i64, example = 2)]
    pub id: UserId,
    /// The address that the user logs in with and gets mail at.
    #[schema(example = "john.doe@example.com")]
    pub email: String,
    /// Whether the owner has proved the address.
    pub email_verified: bool,
    /// When that was; none until then.
    #[serde(with = "shared_events::date::zoned::option")]
    pub email_verified_on: Option<DateTime<Utc>>,
    /// The names of the user's roles.
    #[schema(example = json!(["user"]))]
    pub roles: Vec<String>,
    /// Whether a login asks for a second factor.
    pub mfa_enabled: bool,
    /// The id that the user had in the system it was imported from; null if it was not imported.
    #[schema(example = "C-1001")]
    pub customer_id: Option<String>,
    /// Whether the user can log in no longer.
    pub is_blocked: bool,
    /// When it was blocked; null if it is not.
    #[serde(with = "shared_events::date::zoned::option")]
    pub blocked_on: Option<DateTime<Utc>>,
    /// When the user last logged in; null if never.
    #[serde(with = "shared_events::date::zoned::option")]
    pub last_login_date: Option<DateTime<Utc>>,
    /// When the user registered, or was created or imported.
    #[serde(with = "shared_events::date::zoned")]
    pub registered_on: DateTime<Utc>,
    /// The user's first name; null if it was not given.
    pub first_name: Option<String>,
    /// The user's last name; null if it was not given.
    pub last_name: Option<String>,
    /// How the user wants to be called; not unique, and not for logins.
    pub username: Option<String>,
    /// A language tag (BCP 47), such as `pt-BR`.
    pub language: Option<String>,
    /// ISO 3166-1 alpha-2, such as `PT`.
    pub country: Option<String>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let profile = user.profile.clone();
        Self {
            id: user.id,
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified_on.is_some(),
            email_verified_on: user.email_verified_on,
            roles: user.roles.clone(),
            mfa_enabled: user.mfa_enabled,
            customer_id: user.customer_id.clone(),
            is_blocked: user.is_blocked,
            blocked_on: user.blocked_on,
            last_login_date: user.last_login_date,
            registered_on: user.registered_on,
            first_name: profile.first_name,
            last_name: profile.last_name,
            username: profile.username,
            language: profile.language,
            country: profile.country,
        }
    }
}

impl From<&User> for events::User {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.as_str().to_owned(),
            roles: user.roles.clone(),
            is_blocked: user.is_blocked,
        }
    }
}

impl From<&User> for events::UserRegistered {
    fn from(user: &User) -> Self {
        Self { id: user.id, email: user.email.as_str().to_owned() }
    }
}
