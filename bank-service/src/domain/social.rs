//! Logins by other providers: which there are, and who somebody is there.
//!
//! An identity is issuer and subject, never an address: addresses change hands. What a provider says of an address is believed
//! only where it says that it has verified it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use super::email::Email;
use super::session::{SessionId, TokenHash};

/// OpenID Connect Core 1.0, 2: a subject has at most 255 characters.
const MAX_SUBJECT: usize = 255;

/// Where somebody can log in instead of here.
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

/// Who somebody is at a provider, as the provider itself has confirmed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    issuer: String,
    subject: String,
    email: Option<Email>,
    email_verified: bool,
}

impl Identity {
    /// None for a subject that no provider can mean. An address that is none is left out.
    pub fn parse(issuer: &str, subject: &str, email: Option<&str>, email_verified: bool) -> Option<Self> {
        let valid =
            !subject.is_empty() && subject.len() <= MAX_SUBJECT && subject.bytes().all(|b| b.is_ascii_graphic());
        let email = email.and_then(|text| Email::parse(text).ok());
        valid.then(|| Self { issuer: issuer.to_owned(), subject: subject.to_owned(), email, email_verified })
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

/// Who somebody is elsewhere stays out of logs, also through `{:?}`.
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

/// A login at a provider that was begun here: what its state stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocialState {
    pub provider: Provider,
    /// Whose session began it, to have it linked; none for a login.
    pub owner: Option<(UserId, SessionId)>,
    /// Of the cookie in the browser that began it.
    pub browser: TokenHash,
}

/// Who comes back with a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presenter {
    /// A session that has a login linked.
    Session(UserId, SessionId),
    /// Somebody who logs in, from a browser with this cookie.
    Browser(Option<TokenHash>),
    /// Somebody who logs in, not from a browser: a program keeps its states to itself.
    Program,
}

impl SocialState {
    /// Whether this is the login that was begun, by who began it. A state that another browser, another session or nobody's
    /// session began would let a stranger's login slip in (RFC 9700, 2.1 and 4.7).
    pub fn belongs_to(&self, provider: Provider, presenter: &Presenter) -> bool {
        let by_the_same = match (presenter, self.owner) {
            (Presenter::Session(user, session), Some(owner)) => owner == (*user, *session),
            (Presenter::Browser(cookie), None) => cookie.as_ref() == Some(&self.browser),
            (Presenter::Program, None) => true,
            (Presenter::Session(..), None) | (Presenter::Browser(_) | Presenter::Program, Some(_)) => false,
        };
        by_the_same && self.provider == provider
    }

    /// On one line: how it is kept.
    pub fn to_text(&self) -> String {
        let owner = self.owner.map(|(user, session)| format!(" {user} {session}")).unwrap_or_default();
        format!("{} {}{owner}", self.provider, self.browser.as_str())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let provider = words.next()?.parse().ok()?;
        let browser = TokenHash::parse(words.next()?)?;
        let owner = match (words.next(), words.next(), words.next()) {
            (None, ..) => None,
            (Some(user), Some(session), None) => {
                Some((UserId::try_new(user.parse().ok()?).ok()?, session.parse().ok()?))
            }
            _ => return None,
        };
        Some(Self { provider, owner, browser })
    }
}

/// A linked login as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SocialLoginView {
    /// The provider's name: there is one login of each.
    #[schema(example = "github")]
    pub id: &'static str,
    pub provider: Provider,
    /// The address that the provider gave when it was linked, if any.
    #[schema(example = "john.doe@example.com")]
    pub email: Option<String>,
    #[serde(with = "shared_events::date")]
    pub linked_on: DateTime<Utc>,
    #[serde(with = "shared_events::date::option")]
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
    use uuid::Uuid;

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
    fn a_state_counts_for_who_began_it_only() {
        let user = |id| UserId::try_new(id).unwrap();
        let (session, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        let (cookie, foreign) = (TokenHash::new([1; 32]), TokenHash::new([2; 32]));
        let state = |owner| SocialState { provider: Provider::Google, owner, browser: cookie.clone() };
        let counts = |owner, presenter| state(owner).belongs_to(Provider::Google, &presenter);
        assert!(counts(None, Presenter::Program));
        assert!(counts(None, Presenter::Browser(Some(cookie.clone()))));
        assert!(!counts(None, Presenter::Browser(Some(foreign))));
        assert!(!counts(None, Presenter::Browser(None)));
        assert!(!counts(None, Presenter::Session(user(1), session)), "a stranger's login would be linked");
        let owner = Some((user(1), session));
        assert!(counts(owner, Presenter::Session(user(1), session)));
        assert!(!counts(owner, Presenter::Session(user(1), other)));
        assert!(!counts(owner, Presenter::Session(user(2), session)));
        assert!(!counts(owner, Presenter::Program));
        assert!(!counts(owner, Presenter::Browser(Some(cookie.clone()))));
        assert!(!state(None).belongs_to(Provider::GitHub, &Presenter::Program));
        for owner in [None, owner] {
            assert_eq!(SocialState::parse(&state(owner).to_text()), Some(state(owner)));
        }
        assert_eq!(SocialState::parse(&format!("{} 1", state(None).to_text())), None);
    }
}
