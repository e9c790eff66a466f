//! What the tests of several crates share. First, waiting: for a state, not for a time. Every wait has a limit, after which it
//! fails the test. Then [`scrape`], the labels of metrics; [`auth`] and [`dead_letters`], adapters in memory; and [`openapi`],
//! checks of a document.
//!
//! It depends on no service of ours, so that tests of all of them can use it.
#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod auth;
pub mod dead_letters;
pub mod openapi;
pub mod scrape;

use std::time::{Duration, Instant};

use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(10);
/// Longer than a server takes to start on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Polls until the condition holds; returns how long that took. Fails the test after two minutes.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    found(what, LIMIT, async || holds().await.then_some(())).await.1
}

/// Polls until there is a value; returns it, and how long that took. Fails the test after `limit`.
pub async fn found<T>(what: &str, limit: Duration, mut poll: impl AsyncFnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(value) = poll().await {
            return (value, begun.elapsed());
        }
        assert!(begun.elapsed() < limit, "{what}: not within {} s", limit.as_secs());
        sleep(PAUSE).await;
    }
}

/// Polls for the whole of `period`, and once at its end; fails the test as soon as the condition does not hold.
pub async fn stays(what: &str, period: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    loop {
        let is_over = begun.elapsed() >= period;
        assert!(holds().await, "{what}: no longer after {} ms", begun.elapsed().as_millis());
        if is_over {
            return;
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn a_state_that_comes_is_waited_for() {
        let mut polls = 0;
        let took = eventually("the third poll", async || {
            polls += 1;
            polls == 3
        })
        .await;
        assert_eq!(polls, 3);
        assert!(took >= 2 * PAUSE, "{took:?}");
    }

    #[tokio::test]
    #[should_panic(expected = "nothing: not within 0 s")]
    async fn a_value_that_does_not_come_fails_the_test() {
        found("nothing", SHORT, async || None::<()>).await;
    }

    #[tokio::test]
    async fn a_state_that_stays_is_observed_to_the_end() {
        let begun = Instant::now();
        stays("it", SHORT, async || true).await;
        assert!(begun.elapsed() >= SHORT);
    }

    #[tokio::test]
    #[should_panic(expected = "it: no longer after")]
    async fn a_state_that_ends_fails_the_test() {
        let mut polls = 0;
        stays("it", Duration::from_mins(1), async || {
            polls += 1;
            polls < 3
        })
        .await;
    }
}
