//! One-time secrets: the purpose, lifetime and allowed attempts of each kind.
//!
//! A link or a challenge is 32 random bytes, which cannot be guessed; a code has six digits by text message and eight characters by
//! mail, so it has a shorter lifetime, allows five attempts, and is issued at most [`MAX_CODES_A_DAY`] times a day: 50 guesses
//! among a million at least (NIST SP 800-63B-4, 3.2.2 allows 100).

use chrono::{DateTime, TimeDelta, Utc};

/// How often a code for one purpose is issued to one user in [`WINDOW`].
pub const MAX_CODES_A_DAY: i32 = 10;
/// The period over which [`MAX_CODES_A_DAY`] is counted.
pub const WINDOW: TimeDelta = TimeDelta::hours(24);
const COOLDOWN: TimeDelta = TimeDelta::seconds(60);
const MAX_ATTEMPTS: i32 = 5;
/// How many links for one purpose are valid at once: a stranger who requests another must not void the owner's.
const LINKS: usize = 3;

/// The purpose of a secret. A secret is valid for its own purpose only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A link that verifies an address; the subject is the address.
    EmailVerification,
    /// A link that verifies a new address; the subject is the new address.
    EmailChange,
    /// A link that sets a new password; the subject is the address.
    PasswordResetLink,
    /// A code that sets a new password; the subject is the address.
    PasswordResetCode,
    /// A code that verifies a telephone number; the subject is the number.
    PhoneCode,
    /// The token of a login that waits for its second factor.
    MfaChallenge,
    /// A link by which an imported user chooses a password; the subject is the address.
    Invitation,
    /// The `state` of a login at another provider; the caller chooses the subject.
    SocialState,
    /// The nonce that an app's `id_token` has to repeat; the subject as for the state.
    SocialNonce,
}

/// How many secrets of a purpose a user can have at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// This many; a new one replaces the oldest.
    Few(usize),
    Many,
}

impl Purpose {
    pub const ALL: [Self; 9] = [
        Self::EmailVerification,
        Self::EmailChange,
        Self::PasswordResetLink,
        Self::PasswordResetCode,
        Self::PhoneCode,
        Self::MfaChallenge,
        Self::Invitation,
        Self::SocialState,
        Self::SocialNonce,
    ];

    /// The purposes that depend on the credentials: their secrets end when these are changed, reset or logged out everywhere. An
    /// invitation, or the verification of the user's address, stays valid.
    pub const OF_THE_CREDENTIALS: [Self; 7] = [
        Self::EmailChange,
        Self::PasswordResetLink,
        Self::PasswordResetCode,
        Self::PhoneCode,
        Self::MfaChallenge,
        Self::SocialState,
        Self::SocialNonce,
    ];

    /// The purposes whose secrets were sent to an address, and end when it is replaced.
    pub const OF_THE_ADDRESS: [Self; 5] = [
        Self::EmailVerification,
        Self::EmailChange,
        Self::PasswordResetLink,
        Self::PasswordResetCode,
        Self::Invitation,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerification => "email_verification",
            Self::EmailChange => "email_change",
            Self::PasswordResetLink => "password_reset_link",
            Self::PasswordResetCode => "password_reset_code",
            Self::PhoneCode => "phone_code",
            Self::MfaChallenge => "mfa_challenge",
            Self::Invitation => "invitation",
            Self::SocialState => "social_state",
            Self::SocialNonce => "social_nonce",
        }
    }

    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::EmailVerification => TimeDelta::hours(24),
            Self::EmailChange => TimeDelta::hours(1),
            Self::PasswordResetLink => TimeDelta::minutes(30),
            Self::PasswordResetCode | Self::PhoneCode | Self::SocialState | Self::SocialNonce => TimeDelta::minutes(10),
            Self::MfaChallenge => TimeDelta::minutes(5),
            Self::Invitation => TimeDelta::days(7),
        }
    }

    /// The lifetime as text for mails and messages.
    pub fn valid_for(self) -> &'static str {
        match self {
            Self::EmailVerification => "24 hours",
            Self::EmailChange => "1 hour",
            Self::PasswordResetLink => "30 minutes",
            Self::PasswordResetCode | Self::PhoneCode | Self::SocialState | Self::SocialNonce => "10 minutes",
            Self::MfaChallenge => "5 minutes",
            Self::Invitation => "7 days",
        }
    }

    /// How many wrong answers void it.
    pub fn max_attempts(self) -> i32 {
        MAX_ATTEMPTS
    }

    /// The shortest time between two issues.
    pub fn cooldown(self) -> TimeDelta {
        match self {
            Self::MfaChallenge | Self::SocialState | Self::SocialNonce => TimeDelta::zero(),
            _ => COOLDOWN,
        }
    }

    pub fn slots(self) -> Slots {
        match self {
            Self::MfaChallenge | Self::SocialState | Self::SocialNonce => Slots::Many,
            Self::PasswordResetCode | Self::PhoneCode => Slots::Few(1),
            Self::EmailVerification | Self::EmailChange | Self::PasswordResetLink | Self::Invitation => {
                Slots::Few(LINKS)
            }
        }
    }

    /// How many are issued in [`WINDOW`]; none: any number.
    pub fn max_in_window(self) -> Option<i32> {
        matches!(self, Self::PasswordResetCode | Self::PhoneCode).then_some(MAX_CODES_A_DAY)
    }
}

/// The hash of a secret in 64 hex digits: the secret itself is not stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

impl SecretHash {
    pub fn new(digest: [u8; 32]) -> Self {
        Self(hex::encode(digest))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hidden, since the hash of a code can be searched: with the key, a million codes are tried quickly.
impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Why no secret was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cooldown {
    /// One was issued a moment ago; the next is possible at this time.
    CoolingDown(DateTime<Utc>),
    /// Too many in one day; the next is possible at this time.
    TooMany(DateTime<Utc>),
}

impl Cooldown {
    /// When the next one is possible.
    pub fn until(self) -> DateTime<Utc> {
        match self {
            Self::CoolingDown(until) | Self::TooMany(until) => until,
        }
    }
}

/// The record of earlier issues that limits the next one.
#[derive(Debug, Clone, Copy)]
pub struct Issued {
    pub cooldown_until: DateTime<Utc>,
    pub window_began_on: DateTime<Utc>,
    pub in_window: i32,
}

impl Issued {
    /// The record after the first issue of a purpose.
    pub fn first(purpose: Purpose, now: DateTime<Utc>) -> Self {
        Self { cooldown_until: now + purpose.cooldown(), window_began_on: now, in_window: 1 }
    }

    /// The record after one more issue, if that is allowed now.
    pub fn one_more(self, purpose: Purpose, now: DateTime<Utc>) -> Result<Self, Cooldown> {
        if now < self.cooldown_until {
            return Err(Cooldown::CoolingDown(self.cooldown_until));
        }
        if self.window_began_on + WINDOW <= now {
            return Ok(Self::first(purpose, now));
        }
        if purpose.max_in_window().is_some_and(|most| self.in_window >= most) {
            return Err(Cooldown::TooMany(self.window_began_on + WINDOW));
        }
        Ok(Self { cooldown_until: now + purpose.cooldown(), in_window: self.in_window.saturating_add(1), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_given_out_once_a_minute_and_ten_times_a_day() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let purpose = Purpose::PhoneCode;
        let mut books = Issued::first(purpose, start);
        assert_eq!(books.one_more(purpose, start).unwrap_err(), Cooldown::CoolingDown(start + COOLDOWN));
        let mut now = start;
        for _ in 1..MAX_CODES_A_DAY {
            now += COOLDOWN;
            books = books.one_more(purpose, now).unwrap();
        }
        now += COOLDOWN;
        assert_eq!(books.one_more(purpose, now).unwrap_err(), Cooldown::TooMany(start + WINDOW));
        assert_eq!(books.one_more(purpose, start + WINDOW).unwrap().in_window, 1);
    }

    #[test]
    fn a_link_is_given_out_any_number_of_times_and_a_challenge_at_once() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let many = Issued { cooldown_until: now, window_began_on: now, in_window: 1_000 };
        assert!(many.one_more(Purpose::EmailVerification, now).is_ok());
        assert!(Issued::first(Purpose::MfaChallenge, now).one_more(Purpose::MfaChallenge, now).is_ok());
    }

    #[test]
    fn names_are_distinct_and_hashes_stay_hidden() {
        let names: std::collections::BTreeSet<_> = Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect();
        assert_eq!(names.len(), Purpose::ALL.len());
        assert!(names.iter().all(|name| name.len() <= 32));
        assert_eq!(format!("{:?}", SecretHash::new([7; 32])), "SecretHash(…)");
    }
}
