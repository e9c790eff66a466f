//! Waiting for a state instead of for a time.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// Polls until there is a value; gives it, and how long it took. Fails the test after `limit`.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut poll: impl AsyncFnMut() -> Option<T>,
) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll().await {
            return (found, begun.elapsed());
        }
        assert!(begun.elapsed() < limit, "{what}: not within {} ms", limit.as_millis());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Polls for the whole of `period`, and fails the test if `wrong` ever has a value.
pub(crate) async fn never<T: std::fmt::Debug>(what: &str, period: Duration, mut wrong: impl AsyncFnMut() -> Option<T>) {
    let begun = Instant::now();
    while begun.elapsed() < period {
        let found = wrong().await;
        assert!(found.is_none(), "{what}: {found:?} after {} ms", begun.elapsed().as_millis());
        tokio::time::sleep(PAUSE).await;
    }
}
