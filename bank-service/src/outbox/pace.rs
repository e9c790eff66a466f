//! How long the relay pauses after the transport or the database failed.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses that double, up to `LONGEST_PAUSE`, until an attempt succeeds.
#[derive(Debug)]
pub(super) struct Pace {
    /// Zero: no failure since the last success.
    pause: Duration,
    next: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { pause: Duration::ZERO, next: FIRST_PAUSE }
    }

    /// The pause that is due now; `None` if there is no need for one.
    pub(super) fn pause(&self) -> Option<Duration> {
        (!self.pause.is_zero()).then_some(self.pause)
    }

    pub(super) fn slow_down(&mut self) {
        self.pause = self.next;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }

    /// Allows the next attempt at once, without a success.
    pub(super) fn try_again(&mut self) {
        self.pause = Duration::ZERO;
    }

    /// Resets the pause: an attempt succeeded.
    pub(super) fn is_back(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_something_succeeds() {
        let mut pace = Pace::new();
        assert_eq!(pace.pause(), None);
        for ms in [100, 200, 400, 800, 1600, 2000, 2000] {
            pace.slow_down();
            assert_eq!(pace.pause(), Some(Duration::from_millis(ms)));
            pace.try_again();
            assert_eq!(pace.pause(), None);
        }
        pace.is_back();
        pace.slow_down();
        assert_eq!(pace.pause(), Some(FIRST_PAUSE));
    }
}
