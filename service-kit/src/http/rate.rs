//! Rate limits by key, in bounded memory.
//!
//! The generic cell rate algorithm: one number per key holds the time at which its allowance is whole again. An IPv6 address
//! counts by its /64, which is what one customer gets. At most 100,000 keys are remembered; under a flood from more addresses
//! the coldest are forgotten, which restarts their allowance, but never grows memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::problem::{ErrorCode, Problem};
use crate::clock::SharedClock;

const MAX_KEYS: usize = 100_000;

/// Limits the requests of each key in a span of time; the key is an address unless another type is named.
pub struct RateLimit<K = IpAddr> {
    /// Microseconds that one request costs; 0 = no limit.
    cost: i64,
    /// The whole allowance, in microseconds.
    allowance: i64,
    clock: SharedClock,
    /// When each key's allowance is whole again, in microseconds of the epoch.
    whole_again: Cache<K, Arc<AtomicI64>>,
}

impl RateLimit {
    /// Takes one from the address's allowance, or answers when to retry.
    pub fn check(&self, address: IpAddr) -> Result<(), Problem> {
        self.take(&network(address))
    }
}

impl<K: Clone + Eq + Hash> RateLimit<K> {
    /// `count` requests per `span`; a count of 0 switches the limit off.
    pub fn new(count: u32, span: Duration, clock: SharedClock) -> Self {
        let allowance = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let cost = allowance.checked_div(i64::from(count)).unwrap_or(0);
        Self { cost, allowance, clock, whole_again: Cache::new(MAX_KEYS) }
    }

    /// Whether the key's allowance is used up; takes nothing of it.
    pub fn is_used_up(&self, key: &K) -> bool {
        let now = self.clock.now().timestamp_micros();
        let whole_again = self.whole_again.get(key).map_or(0, |state| state.load(Ordering::Relaxed));
        self.cost > 0 && whole_again.max(now).saturating_add(self.cost).saturating_sub(now) > self.allowance
    }

    /// Takes one from the key's allowance, or answers when to retry.
    pub fn take(&self, key: &K) -> Result<(), Problem> {
        if self.cost == 0 {
            return Ok(());
        }
        let now = self.clock.now().timestamp_micros();
        let state =
            self.whole_again.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::new(AtomicI64::new(0))));
        let Ok(state) = state;
        let take = |whole_again: i64| {
            let after = whole_again.max(now).saturating_add(self.cost);
            (after.saturating_sub(now) <= self.allowance).then_some(after)
        };
        match state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(whole_again) => {
                let wait = whole_again.saturating_add(self.cost).saturating_sub(now).saturating_sub(self.allowance);
                let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                let detail = "Please wait before you try again.";
                Err(Problem::new(ErrorCode::TooManyRequests, detail).with_retry_after(wait))
            }
        }
    }
}

/// The block of addresses that one customer gets: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let host_bits = u128::from(u64::MAX);
            IpAddr::from((u128::from(v6) & !host_bits).to_be_bytes())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::clock::ManualClock;

    fn limit(count: u32) -> (RateLimit, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap()));
        (RateLimit::new(count, Duration::from_mins(1), clock.clone()), clock)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_allowance_is_spent_and_grows_back() {
        let (limit, clock) = limit(10);
        let allowed = (0..20).filter(|_| limit.check(address("10.0.0.1")).is_ok()).count();
        assert_eq!(allowed, 10);
        let problem = limit.check(address("10.0.0.1")).unwrap_err();
        assert_eq!((problem.code(), problem.retry_after()), (ErrorCode::TooManyRequests, Some(Duration::from_secs(6))));
        clock.advance(Duration::from_secs(6));
        assert!(limit.check(address("10.0.0.1")).is_ok());
        assert!(limit.check(address("10.0.0.1")).is_err());
        assert!(limit.check(address("10.0.0.2")).is_ok());
    }

    #[test]
    fn one_ipv6_customer_is_one_key() {
        let (limit, _) = limit(1);
        assert!(limit.check(address("2001:db8::1")).is_ok());
        assert!(limit.check(address("2001:db8::ffff")).is_err());
        assert!(limit.check(address("2001:db8:0:1::1")).is_ok());
        assert!(limit.check(address("10.0.0.1")).is_ok());
        assert!(limit.check(address("::ffff:10.0.0.1")).is_err());
    }

    #[test]
    fn zero_switches_the_limit_off() {
        let (limit, _) = limit(0);
        assert!((0..1_000).all(|_| limit.check(address("10.0.0.1")).is_ok()));
    }
}
