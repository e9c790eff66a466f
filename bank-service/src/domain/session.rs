//! Sessions: one per login. That of a client of the API lasts 30 days, never sliding, and is the family of its refresh tokens; that
//! of a browser at the console ends when it is idle.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use shared_events::UserId;
use uuid::Uuid;

use super::user::Holdings;

/// How long a session can be refreshed after its login.
pub const LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long after its use a refresh token can come back without ending its session: from a second tab, or from a client that
/// lost the answer.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);
/// How long a session of the console lives without a request, and how long at most (NIST SP 800-63B, 4.2.3: half an hour and
/// twelve hours).
pub const CONSOLE_IDLE: TimeDelta = TimeDelta::minutes(30);
pub const CONSOLE_LIFETIME: TimeDelta = TimeDelta::hours(12);
/// How old the record of a session's last request may get: a request within it writes nothing.
pub const CONSOLE_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How many live sessions a user may have; the oldest makes room.
pub const MAX_PER_USER: usize = 100;

/// The identity of a session, `sid` in its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl std::str::FromStr for SessionId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The SHA-256 of a refresh token, in hex digits: all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    pub fn new(digest: [u8; 32]) -> Self {
        Self(hex::encode(digest))
    }

    /// A hash as it is stored; none if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let digest: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
        Some(Self::new(digest))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret that its holder keeps a session by, as its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKey {
    /// Of a client of the API: good for new tokens, for 30 days.
    RefreshToken(TokenHash),
    /// Of a browser at the console: good for its pages only, and for staff only.
    ConsoleCookie(TokenHash),
}

impl SessionKey {
    /// When a session that is opened now ends, unless something moves its end.
    pub fn expiry(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::RefreshToken(_) => now + LIFETIME,
            Self::ConsoleCookie(_) => console_expiry(now, now),
        }
    }
}

/// When a session of the console ends that was opened at `created_on` and last used at `now`.
pub fn console_expiry(created_on: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    (now + CONSOLE_IDLE).min(created_on + CONSOLE_LIFETIME)
}

/// The first factor of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFactor {
    Password,
    /// An account at another identity provider.
    Provider,
}

/// How the holder of a session proved who it is, as `amr` in its tokens (RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub first: FirstFactor,
    /// Whether a code of an authenticator app, or a recovery code, was given too.
    pub second: bool,
}

impl Proof {
    /// The `amr` values: `pwd` or `fed`, and `otp mfa` with a second factor.
    pub fn methods(self) -> Vec<&'static str> {
        let first = match self.first {
            FirstFactor::Password => "pwd",
            FirstFactor::Provider => "fed",
        };
        if self.second { vec![first, "otp", "mfa"] } else { vec![first] }
    }

    /// As [`Proof::methods`], on one line: how it is stored.
    pub fn to_text(self) -> String {
        self.methods().join(" ")
    }

    pub fn parse(text: &str) -> Option<Self> {
        let firsts = [FirstFactor::Password, FirstFactor::Provider];
        let known = firsts.into_iter().flat_map(|first| [false, true].map(|second| Self { first, second }));
        known.into_iter().find(|proof| proof.to_text() == text)
    }
}

/// A login and everything refreshed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub proof: Proof,
    /// When the password was last given.
    pub authenticated_on: DateTime<Utc>,
    pub created_on: DateTime<Utc>,
    pub last_used_on: DateTime<Utc>,
    pub expires_on: DateTime<Utc>,
    pub revoked_on: Option<DateTime<Utc>>,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
}

/// Why a session counts no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    Revoked,
    Expired,
}

impl Session {
    /// Whether the session still counts.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), SessionEnd> {
        match self.revoked_on {
            Some(_) => Err(SessionEnd::Revoked),
            None if self.expires_on <= now => Err(SessionEnd::Expired),
            None => Ok(()),
        }
    }
}

/// The meaning of a second use of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondUse {
    /// The same client once more.
    Retry,
    /// Somebody has a token that its owner has already spent.
    Reuse,
}

/// Judges a second use at `now` of a token that was first used at `used_on`. A spent successor shows that the first answer
/// arrived, so its receiver has no reason to come back.
pub fn classify_second_use(now: DateTime<Utc>, used_on: DateTime<Utc>, successor_is_spent: bool) -> SecondUse {
    if now <= used_on + REFRESH_GRACE && !successor_is_spent { SecondUse::Retry } else { SecondUse::Reuse }
}

/// The claims of an access token about its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub roles: Vec<String>,
    pub holdings: Holdings,
    pub authenticated_on: DateTime<Utc>,
    pub proof: Proof,
    /// Whether the token comes from giving the password, not from a refresh.
    pub fresh: bool,
}

/// How long after giving the password a token opens what needs a fresh one.
pub const FRESH_FOR: TimeDelta = TimeDelta::minutes(5);

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    /// The session's id, `sid` in its tokens.
    #[schema(value_type = String, format = "uuid")]
    pub id: SessionId,
    /// When its user logged in.
    #[serde(with = "shared_events::date::zoned")]
    pub created_on: DateTime<Utc>,
    /// When it got its last tokens.
    #[serde(with = "shared_events::date::zoned")]
    pub last_used_on: DateTime<Utc>,
    /// When it ends: 30 days after the login; of the console half an hour after its last request, 12 hours after the login at most.
    #[serde(with = "shared_events::date::zoned")]
    pub expires_on: DateTime<Utc>,
    /// The address that the login came from.
    pub remote_addr: Option<String>,
    /// The program that the login came from, as it names itself.
    pub user_agent: Option<String>,
    /// Whether the request came with a token of this session.
    pub current: bool,
}

impl SessionView {
    pub fn new(session: Session, current: SessionId) -> Self {
        Self {
            current: session.id == current,
            id: session.id,
            created_on: session.created_on,
            last_used_on: session.last_used_on,
            expires_on: session.expires_on,
            remote_addr: session.remote_addr,
            user_agent: session.user_agent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_reads_back_and_names_its_methods() {
        for first in [FirstFactor::Password, FirstFactor::Provider] {
            for second in [false, true] {
                let proof = Proof { first, second };
                assert_eq!(Proof::parse(&proof.to_text()), Some(proof));
                assert_eq!(proof.methods().contains(&"mfa"), second);
            }
        }
        assert_eq!(Proof::parse("otp"), None);
    }

    #[test]
    fn a_session_of_the_console_ends_when_idle_and_after_half_a_day_in_any_case() {
        let opened = DateTime::<Utc>::UNIX_EPOCH;
        assert_eq!(console_expiry(opened, opened), opened + CONSOLE_IDLE);
        assert_eq!(console_expiry(opened, opened + TimeDelta::hours(11)), opened + TimeDelta::minutes(11 * 60 + 30));
        assert_eq!(console_expiry(opened, opened + TimeDelta::minutes(719)), opened + CONSOLE_LIFETIME);
        let key = TokenHash::new([0; 32]);
        assert_eq!(SessionKey::RefreshToken(key.clone()).expiry(opened), opened + LIFETIME);
        assert_eq!(SessionKey::ConsoleCookie(key).expiry(opened), opened + CONSOLE_IDLE);
    }

    #[test]
    fn a_second_use_is_a_retry_for_half_a_minute_unless_the_successor_is_spent() {
        let used = DateTime::<Utc>::UNIX_EPOCH;
        let classify = |later| classify_second_use(used + later, used, false);
        assert_eq!(classify(TimeDelta::seconds(-1)), SecondUse::Retry, "another replica's clock");
        assert_eq!(classify(REFRESH_GRACE), SecondUse::Retry);
        assert_eq!(classify(REFRESH_GRACE + TimeDelta::microseconds(1)), SecondUse::Reuse);
        assert_eq!(classify_second_use(used, used, true), SecondUse::Reuse);
    }
}
