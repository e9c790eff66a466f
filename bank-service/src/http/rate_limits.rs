//! The rate limits of requests, each counted in this process alone.

use std::time::Duration;

use service_kit::clock::SharedClock;
use service_kit::http::rate::RateLimit;
use shared_events::UserId;

use crate::config::RateLimits;

/// Each test notification is sent to the push service.
const PUSH_TESTS_PER_MINUTE: u32 = 5;

const USELESS_REFRESHES_PER_MINUTE: u32 = 120;

/// One limit for each kind of request; by remote address unless another key is named.
pub struct RequestLimits {
    /// Passwords, codes and links that are tried.
    pub logins: RateLimit,
    /// Logins at other providers that are begun.
    pub social_starts: RateLimit,
    pub registrations: RateLimit,
    /// Requests to reset a forgotten password.
    pub forgotten_passwords: RateLimit,
    /// Refreshes whose token is unknown or spent.
    pub useless_refreshes: RateLimit,
    /// Test notifications, by user.
    pub push_tests: RateLimit<UserId>,
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
            push_tests: RateLimit::new(PUSH_TESTS_PER_MINUTE, minute, clock.clone()),
        }
    }
}
