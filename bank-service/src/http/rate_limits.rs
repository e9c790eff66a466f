//! The rate limits of requests, each counted in this process alone.

use std::sync::Arc;
use std::time::Duration;

use service_kit::clock::SharedClock;
use service_kit::http::problem::Problem;
use service_kit::http::rate::RateLimit;
use service_kit::http::stream::Slots;
use shared_events::UserId;

use crate::config::RateLimits;
use crate::domain::scope::Scope;

/// Each test notification is sent to the push service.
const PUSH_TESTS_PER_MINUTE: u32 = 5;

/// A caller that tries the ids of recipients learns about no more of them.
const UNKNOWN_RECIPIENTS_PER_HOUR: u32 = 20;

/// A caller that annoys recipients with holds makes no more of them.
const VOIDED_HOLDS_PER_HOUR: u32 = 20;

const USELESS_REFRESHES_PER_MINUTE: u32 = 120;

/// Statements that are written at the same time, of one user and of all.
const STATEMENTS: (usize, usize) = (4, 32);

/// One limit for each kind of request; by remote address unless another key is named.
pub struct RequestLimits {
    /// Passwords, codes and links that are tried.
    pub logins: RateLimit,
    /// Logins at other providers that are begun.
    pub social_starts: RateLimit,
    pub registrations: RateLimit,
    /// Mails asked for without a login: to reset a forgotten password, and a verification link from the page of a void one. Setting the new
    /// password is one of `logins`.
    pub forgotten_passwords: RateLimit,
    /// Refreshes whose token is unknown or spent.
    pub useless_refreshes: RateLimit,
    /// Transfers to recipients that do not exist, by user.
    pub unknown_recipients: RateLimit<UserId>,
    /// Holds in favour of others that these gave up, by the user whose money was held.
    pub voided_holds: RateLimit<UserId>,
    /// Test notifications, by user.
    pub push_tests: RateLimit<UserId>,
    /// Statements that are being written, by user.
    pub statements: Arc<Slots<UserId>>,
}

impl RequestLimits {
    pub fn new(limits: &RateLimits, clock: &SharedClock) -> Self {
        let (minute, hour) = (Duration::from_mins(1), Duration::from_hours(1));
        Self {
            logins: RateLimit::new(limits.login_per_minute, minute, clock.clone()),
            social_starts: RateLimit::new(limits.login_per_minute, minute, clock.clone()),
            registrations: RateLimit::new(limits.register_per_hour, hour, clock.clone()),
            forgotten_passwords: RateLimit::new(limits.forgot_per_hour, hour, clock.clone()),
            useless_refreshes: RateLimit::new(USELESS_REFRESHES_PER_MINUTE, minute, clock.clone()),
            unknown_recipients: RateLimit::new(UNKNOWN_RECIPIENTS_PER_HOUR, hour, clock.clone()),
            voided_holds: RateLimit::new(VOIDED_HOLDS_PER_HOUR, hour, clock.clone()),
            push_tests: RateLimit::new(PUSH_TESTS_PER_MINUTE, minute, clock.clone()),
            statements: Slots::new("statements", STATEMENTS.0, STATEMENTS.1),
        }
    }

    /// Refuses a customer who named too many recipients that do not exist, or whose holds too many recipients gave up.
    pub fn check_recipients(&self, user: UserId, scope: Scope) -> Result<(), Problem> {
        let used_up = [&self.unknown_recipients, &self.voided_holds].into_iter().find(|limit| limit.is_used_up(&user));
        match used_up {
            Some(limit) if scope != Scope::All => limit.take(&user),
            _ => Ok(()),
        }
    }

    /// Counts a hold that its recipient gave up.
    pub fn count_voided_hold(&self, user: UserId) {
        drop(self.voided_holds.take(&user));
    }

    /// Counts a recipient that does not exist. Beyond the limit the caller is refused and does not learn that: of many
    /// requests at once all have passed the check.
    pub fn count_unknown_recipient(&self, user: UserId) -> Result<(), Problem> {
        self.unknown_recipients.take(&user)
    }
}
