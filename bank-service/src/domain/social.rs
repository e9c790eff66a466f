//! Logins by other providers: the providers, and a user's identity there.
//!
//! An identity is issuer and subject, never an address: addresses change owners. A provider's address is trusted only if the
//! provider states that it has verified it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use super::email::Email;
use super::name::Name;
use super::user::Profile;

/// OpenID Connect Core 1.0, 2: a subject has at most 255 characters.
const MAX_SUBJECT: usize = 255;

/// An identity provider that users can log in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SocialProvider)]
pub enum Provider {
    GitHub,
    Google,
    LinkedIn,
    Facebook,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a provider")]
pub struct UnknownProvider;

impl Provider {
    pub const ALL: [Self; 4] = [Self::GitHub, Self::Google, Self::LinkedIn, Self::Facebook];

    /// As it stands in paths, tables and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Google => "google",
            Self::LinkedIn => "linkedin",
            Self::Facebook => "facebook",
        }
    }

    /// As people know it.
    pub fn title(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::Google => "Google",
            Self::LinkedIn => "LinkedIn",
            Self::Facebook => "Facebook",
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;
    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or(UnknownProvider)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The identity of a user at a provider, confirmed by that provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    issuer: String,
    subject: String,
    email: Option<Email>,
    email_verified: bool,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl Identity {
    /// None for a subject that no provider can mean. An address that is none is left out.
    pub fn parse(issuer: &str, subject: &str, email: Option<&str>, email_verified: bool) -> Option<Self> {
        let valid =
            !subject.is_empty() && subject.len() <= MAX_SUBJECT && subject.bytes().all(|b| b.is_ascii_graphic());
        let email = email.and_then(|text| Email::mailable(text).ok());
        valid.then(|| Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email,
            email_verified,
            first_name: None,
            last_name: None,
        })
    }

    /// The same, with what its user is called there. What could not be a name here is left out.
    #[must_use]
    pub fn called(self, first_name: Option<&str>, last_name: Option<&str>) -> Self {
        let name = |text: Option<&str>| text.and_then(|text| Name::parse(text).ok()).map(String::from);
        Self { first_name: name(first_name), last_name: name(last_name), ..self }
    }

    /// The first profile of a new user with this identity.
    pub fn profile(&self) -> Profile {
        Profile { first_name: self.first_name.clone(), last_name: self.last_name.clone(), ..Profile::default() }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// Whether the provider says that the address is its user's.
    pub fn email_verified(&self) -> bool {
        self.email_verified && self.email.is_some()
    }

    /// The same, of a provider whose word on addresses counts for nothing.
    #[must_use]
    pub fn with_unverified_email(self) -> Self {
        Self { email_verified: false, ..self }
    }

    /// The key of uniqueness: SHA-256 over issuer and subject, each behind its length, in hex digits.
    pub fn key(&self) -> String {
        let mut digest = Sha256::new();
        for part in [&self.issuer, &self.subject] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part.as_bytes());
        }
        hex::encode(digest.finalize())
    }
}

/// Shows the issuer alone: the user's identity there stays out of logs, also through `{:?}`.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.issuer)
    }
}

/// A login by a provider that a user has.
#[derive(Clone, PartialEq, Eq)]
pub struct SocialLogin {
    pub user_id: UserId,
    pub provider: Provider,
    /// The address that the provider gave when it was linked.
    pub email: Option<String>,
    pub linked_on: DateTime<Utc>,
    pub last_used_on: Option<DateTime<Utc>>,
}

/// A linked login as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SocialLoginView {
    /// The provider's name: there is one login of each.
    #[schema(example = "github")]
    pub id: &'static str,
    /// The provider.
    pub provider: Provider,
    /// The address that the provider gave when it was linked, if any.
    #[schema(example = "john.doe@example.com")]
    pub email: Option<String>,
    /// When it was linked to the user.
    #[serde(with = "shared_events::date::zoned")]
    pub linked_on: DateTime<Utc>,
    /// When the user last logged in by it; null if never.
    #[serde(with = "shared_events::date::zoned::option")]
    pub last_used_on: Option<DateTime<Utc>>,
}

impl From<SocialLogin> for SocialLoginView {
    fn from(login: SocialLogin) -> Self {
        Self {
            id: login.provider.as_str(),
            provider: login.provider,
            email: login.email,
            linked_on: login.linked_on,
            last_used_on: login.last_used_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(issuer: &str, subject: &str) -> Option<Identity> {
        Identity::parse(issuer, subject, Some("a@example.com"), true)
    }

    #[test]
    fn subjects_differ_by_case_and_issuer_and_by_where_one_ends() {
        let keys = [("https://a", "bC"), ("https://a", "bc"), ("https://ab", "C"), ("https://", "abC")];
        let keys: std::collections::BTreeSet<String> =
            keys.into_iter().map(|(issuer, subject)| identity(issuer, subject).unwrap().key()).collect();
        assert_eq!(keys.len(), 4);
        assert_eq!(identity("https://a", "b").unwrap().key().len(), 64);
    }

    #[test]
    fn what_cannot_be_a_subject_is_refused() {
        for bad in ["", " ", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert!(identity("https://a", bad).is_none(), "{bad:?}");
        }
        let without = Identity::parse("https://a", "b", Some("nonsense"), true).unwrap();
        assert!(without.email().is_none() && !without.email_verified());
        assert!(!format!("{:?}", identity("https://a", "subject-1")).contains("subject-1"));
    }

    #[test]
    fn a_name_that_could_not_be_one_here_is_left_out() {
        let called = |first, last| identity("https://a", "b").unwrap().called(first, last).profile();
        let profile = called(Some(" Zoë "), Some("O'Neill"));
        assert_eq!((profile.first_name.as_deref(), profile.last_name.as_deref()), (Some("Zoë"), Some("O'Neill")));
        for bad in ["", " ", "a\nb", &"x".repeat(1_000)] {
            assert_eq!(called(Some(bad), None).first_name, None, "{bad:?}");
        }
    }
}
