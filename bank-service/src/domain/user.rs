//! Users: who can log in, what they are called, and how wrong passwords slow them down.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use shared_events::events;
use shared_events::{AccountId, ClientId, UserId};

use super::email::Email;

/// A user as the store holds it. The password's hash never leaves with it: it is read only where a login is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    /// When its owner proved the address; none until then.
    pub email_verified_on: Option<DateTime<Utc>>,
    pub profile: Profile,
    /// Sorted by name.
    pub roles: Vec<String>,
    pub is_blocked: bool,
    pub blocked_on: Option<DateTime<Utc>>,
    pub last_login_date: Option<DateTime<Utc>>,
    pub registered_on: DateTime<Utc>,
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

/// What a user may say about itself.
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

/// What a user owns, as its tokens and `/auth/me` tell.
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
    #[schema(value_type = i64, example = 2)]
    pub id: UserId,
    #[schema(example = "john.doe@example.com")]
    pub email: String,
    /// Whether the owner has proved the address.
    pub email_verified: bool,
    #[schema(example = json!(["user"]))]
    pub roles: Vec<String>,
    pub is_blocked: bool,
    #[serde(with = "shared_events::date::option")]
    pub blocked_on: Option<DateTime<Utc>>,
    #[serde(with = "shared_events::date::option")]
    pub last_login_date: Option<DateTime<Utc>>,
    #[serde(with = "shared_events::date")]
    pub registered_on: DateTime<Utc>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub language: Option<String>,
    pub country: Option<String>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let profile = user.profile.clone();
        Self {
            id: user.id,
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified_on.is_some(),
            roles: user.roles.clone(),
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

/// From this failure on, in a row, the next attempt has to wait.
pub const FREE_FAILURES: i32 = 5;
const FIRST_DELAY_SECONDS: i64 = 5;
const MAX_DELAY: TimeDelta = TimeDelta::minutes(15);

/// When the next attempt counts after `failures` wrong passwords in a row: five seconds from the fifth on, doubled by each
/// further one, never more than 15 minutes. Attempts during the wait are refused without being counted, so strangers can
/// slow a user down but never lock it out for good.
pub fn retry_after_failures(failures: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let beyond = u32::try_from(failures.checked_sub(FREE_FAILURES)?).ok()?;
    let seconds = 2_i64.checked_pow(beyond).and_then(|factor| factor.checked_mul(FIRST_DELAY_SECONDS));
    let delay = seconds.and_then(TimeDelta::try_seconds).map_or(MAX_DELAY, |d| d.min(MAX_DELAY));
    now.checked_add_signed(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_begins_at_the_fifth_failure_and_stops_growing_at_a_quarter_of_an_hour() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let seconds = |failures| retry_after_failures(failures, now).map(|at| at.timestamp());
        assert_eq!(seconds(0), None);
        assert_eq!(seconds(4), None);
        assert_eq!(seconds(5), Some(5));
        assert_eq!(seconds(7), Some(20));
        assert_eq!(seconds(12), Some(640));
        assert_eq!(seconds(13), Some(900));
        assert_eq!(seconds(i32::MAX), Some(900));
    }
}
