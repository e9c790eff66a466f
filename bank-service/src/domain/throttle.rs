//! How failures delay later attempts, and how many of something are allowed in a span of time.
//!
//! Wrong passwords count per account and network, so that a stranger delays only logins from its own network; only a hundred in a
//! row over all unknown networks close the account to unknown networks, for a day. A login with a device token counts on the token
//! alone.

use chrono::{DateTime, TimeDelta, Utc};

/// From this many failures in a row on, the next attempt has to wait.
pub const FREE_FAILURES: i32 = 5;
const FIRST_DELAY_SECONDS: i64 = 5;
const MAX_DELAY: TimeDelta = TimeDelta::minutes(15);
/// Further failures are not counted.
const MAX_COUNTED: i32 = 1_000_000;

/// How many failures in a row over all unknown networks close an account to them.
pub const CEILING: i32 = 100;
/// How long an account stays closed. It is also how long such failures in a row are remembered.
pub const CLOSED_FOR: TimeDelta = TimeDelta::hours(24);

/// How long a device or a network is known after a login.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// How many failures within [`DEVICE_WINDOW`] void a device's token.
pub const DEVICE_FAILURES: i32 = 10;
pub const DEVICE_WINDOW: TimeDelta = TimeDelta::hours(1);
/// How many devices, and how many networks, are remembered of a user; a new one replaces the oldest.
pub const MAX_KNOWN: usize = 50;

/// A counter of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub total: i32,
    /// When the counting began.
    pub began_on: DateTime<Utc>,
    pub changed_on: DateTime<Utc>,
    /// No attempt is accepted before this time.
    pub not_before: Option<DateTime<Utc>>,
}

impl Counter {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { total: 0, began_on: now, changed_on: now, not_before: None }
    }

    /// Whether an attempt has to wait.
    pub fn is_closed(&self, now: DateTime<Utc>) -> bool {
        self.not_before.is_some_and(|until| now < until)
    }

    /// The counter after another failure of an account in a network. Failures fade: each hour without one halves them.
    #[must_use]
    pub fn after_failure(self, now: DateTime<Utc>) -> Self {
        let hours = u32::try_from((now - self.changed_on).num_hours()).unwrap_or(0);
        let faded = self.total.checked_shr(hours).unwrap_or(0);
        let total = faded.saturating_add(1).min(MAX_COUNTED);
        Self { total, changed_on: now, not_before: retry_after_failures(total, now), ..self }
    }

    /// The counter after another failure of an account from any unknown network.
    #[must_use]
    pub fn after_unknown_failure(self, now: DateTime<Utc>) -> Self {
        let before = if self.changed_on + CLOSED_FOR <= now { 0 } else { self.total };
        let total = before.saturating_add(1).min(MAX_COUNTED);
        let not_before = (total >= CEILING).then(|| now + CLOSED_FOR);
        Self { total, changed_on: now, not_before, ..self }
    }

    /// The counter after one more event under `cap`; the error is the time when the next is allowed.
    pub fn one_more(self, cap: Cap, now: DateTime<Utc>) -> Result<Self, DateTime<Utc>> {
        let over = self.began_on + cap.span <= now;
        let counter = if over { Self::new(now) } else { self };
        if counter.total >= cap.most {
            return Err(counter.began_on + cap.span);
        }
        Ok(Self { total: counter.total.saturating_add(1), changed_on: now, ..counter })
    }
}

/// A maximum in a span of time, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub most: i32,
    pub span: TimeDelta,
}

impl Cap {
    pub const fn hourly(most: i32) -> Self {
        Self { most, span: TimeDelta::hours(1) }
    }

    pub const fn daily(most: i32) -> Self {
        Self { most, span: TimeDelta::hours(24) }
    }
}

/// When the next attempt is accepted after `failures` in a row: five seconds after the fifth, doubled by each further one, never
/// more than 15 minutes. Attempts during the wait are refused without being counted.
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

    #[test]
    fn failures_fade_by_the_hour() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let many = Counter { total: 40, ..Counter::new(now) };
        assert_eq!(many.after_failure(now).total, 41);
        assert_eq!(many.after_failure(now + TimeDelta::hours(3)).total, 6);
        assert_eq!(many.after_failure(now + TimeDelta::hours(6)).not_before, None);
        assert_eq!(many.after_failure(now + TimeDelta::days(40)).total, 1);
    }

    #[test]
    fn a_hundred_failures_in_a_row_close_an_account_to_unknown_networks_for_a_day() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let almost = Counter { total: CEILING - 2, ..Counter::new(now) }.after_unknown_failure(now);
        assert!(!almost.is_closed(now));
        let closed = almost.after_unknown_failure(now);
        assert!(closed.is_closed(now + TimeDelta::hours(23)) && !closed.is_closed(now + CLOSED_FOR));
        assert_eq!(closed.after_unknown_failure(now + CLOSED_FOR).total, 1);
    }

    #[test]
    fn a_cap_is_counted_from_the_first_and_begins_anew_after_its_span() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let one = Counter::new(now).one_more(Cap::hourly(2), now).unwrap();
        let two = one.one_more(Cap::hourly(2), now + TimeDelta::minutes(59)).unwrap();
        assert_eq!(two.one_more(Cap::hourly(2), now + TimeDelta::minutes(59)), Err(now + TimeDelta::hours(1)));
        assert_eq!(two.one_more(Cap::hourly(2), now + TimeDelta::hours(1)).map(|counter| counter.total), Ok(1));
    }
}
