//! Secrets that are good for one use: what each is for, how long it lives, how many tries it takes.
//!
//! A link or a challenge is 32 random bytes, which nobody guesses; a code has six digits by text message and eight characters by
//! mail, so it lives shorter, takes five tries, and is given out at most [`MAX_CODES_A_DAY`] times a day: 50 guesses among a
//! million at least (NIST SP 800-63B-4, 3.2.2 allows 100).

use chrono::{DateTime, TimeDelta, Utc};

/// How often a code for one purpose is given out to one user in 24 hours.
pub const MAX_CODES_A_DAY: i32 = 10;
/// What [`MAX_CODES_A_DAY`] is counted over.
pub const WINDOW: TimeDelta = TimeDelta::hours(24);
const COOLDOWN: TimeDelta = TimeDelta::seconds(60);
const MAX_ATTEMPTS: i32 = 5;
/// How many links for one purpose stay good until one is used: a stranger who asks for another must not void the owner's.
const LINKS: usize = 3;

/// What a secret is good for. One purpose's secret opens no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A link that proves an address; the subject is the address.
    EmailVerification,
    /// A link that proves a new address; the subject is the new address.
    EmailChange,
    /// A link that sets another password; the subject is the address.
    PasswordResetLink,
    /// A code that sets another password; the subject is the address.
    PasswordResetCode,
    /// A code that proves a telephone number; the subject is the number.
    PhoneCode,
    /// What a login that waits for its second factor carries.
    MfaChallenge,
    /// A link by which an imported user chooses a password; the subject is the address.
    Invitation,
    /// What a login at another provider comes back with; the subject is the caller's to fill.
    SocialState,
    /// What an `id_token` that an app sends has to repeat; the subject as of the state.
    SocialNonce,
}

/// How many of a purpose a user can have at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// So many; a new one takes the place of the oldest.
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

    /// What is under way on the strength of the credentials, and ends when they are changed, reset or logged out everywhere. An
    /// invitation, or the verification of the address that the user has, goes on.
    pub const OF_THE_CREDENTIALS: [Self; 6] = [
        Self::EmailChange,
        Self::PasswordResetLink,
        Self::PasswordResetCode,
        Self::MfaChallenge,
        Self::SocialState,
        Self::SocialNonce,
    ];

    /// What was sent to an address before it became another one.
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

    /// The lifetime for people.
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

    /// How many wrong answers are counted before it is void.
    pub fn max_attempts(self) -> i32 {
        MAX_ATTEMPTS
    }

    /// How long after one was given out the next one is.
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

    /// How many are given out in [`WINDOW`]; none: any number.
    pub fn max_in_window(self) -> Option<i32> {
        matches!(self, Self::PasswordResetCode | Self::PhoneCode).then_some(MAX_CODES_A_DAY)
    }
}

/// The hash of a secret in 64 hex digits: all that is kept of it.
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

/// The hash of a code can be searched through: a million are soon tried by who has the key.
impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Why no secret was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cooldown {
    /// One was given out a moment ago; the next one at this time.
    CoolingDown(DateTime<Utc>),
    /// Too many in one day; the next one at this time.
    TooMany(DateTime<Utc>),
}

impl Cooldown {
    /// When the next one is given out.
    pub fn until(self) -> DateTime<Utc> {
        match self {
            Self::CoolingDown(until) | Self::TooMany(until) => until,
        }
    }
}

/// What was given out before, as far as it matters for the next one.
#[derive(Debug, Clone, Copy)]
pub struct Issued {
    pub cooldown_until: DateTime<Utc>,
    pub window_began_on: DateTime<Utc>,
    pub in_window: i32,
}

impl Issued {
    /// The first one of its purpose.
    pub fn first(purpose: Purpose, now: DateTime<Utc>) -> Self {
        Self { cooldown_until: now + purpose.cooldown(), window_began_on: now, in_window: 1 }
    }

    /// The books after one more, if one may be given out now.
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
