//! Refreshes that are under way in this process, by their token.
//!
//! A client that refreshes twice at once must not be logged out for it, and a thief that comes with a spent token must be
//! noticed. What tells them apart is whether the first use had been answered when the second one arrived: only the answer
//! holds the successor. The first answer waits until no further use has arrived for [`REFRESH_SETTLE`], for `LONGEST` at
//! most, so that a slow machine does not take the stragglers of a race for thieves. Uses that arrive in other processes are
//! judged by the time alone. The table holds requests under way only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::session::{REFRESH_SETTLE, TokenHash};

/// How long stragglers can hold the first answer back.
const LONGEST: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Refreshing(Mutex<HashMap<TokenHash, UnderWay>>);

struct UnderWay {
    uses: usize,
    last_arrival: Instant,
    answered: bool,
}

/// One use of a token, from its arrival to its answer.
pub(super) struct Use {
    table: Arc<Refreshing>,
    token: TokenHash,
    in_race: bool,
}

impl Refreshing {
    /// A use of a token has arrived.
    pub(super) fn arrive(self: &Arc<Self>, token: TokenHash) -> Use {
        let mut table = self.table();
        let now = Instant::now();
        let in_race = table.get(&token).is_some_and(|under_way| !under_way.answered);
        let under_way = table.entry(token.clone()).or_insert(UnderWay { uses: 0, last_arrival: now, answered: false });
        under_way.uses += 1;
        under_way.last_arrival = now;
        drop(table);
        Use { table: Arc::clone(self), token, in_race }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<TokenHash, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Use {
    /// Whether another use of the token was under way and not answered when this one arrived.
    pub(super) fn in_race(&self) -> bool {
        self.in_race
    }

    /// Waits for the stragglers of a race. Whoever arrives after this comes too late to be one.
    pub(super) async fn settle(&self) {
        let quiet = REFRESH_SETTLE.to_std().unwrap_or_default();
        let spent = Instant::now();
        let mut until = spent + quiet;
        while let Some(later) = self.answered_at(until, quiet, spent + LONGEST) {
            tokio::time::sleep_until(later).await;
            until = later;
        }
    }

    /// Marks the token as answered if that may be at `until`; otherwise says when to ask again.
    fn answered_at(&self, until: Instant, quiet: Duration, last: Instant) -> Option<Instant> {
        let mut table = self.table.table();
        let under_way = table.get_mut(&self.token)?;
        let due = until.max(under_way.last_arrival + quiet).min(last);
        if due > Instant::now() {
            return Some(due);
        }
        under_way.answered = true;
        None
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut table = self.table.table();
        if let Some(under_way) = table.get_mut(&self.token) {
            under_way.uses -= 1;
            if under_way.uses == 0 {
                table.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> TokenHash {
        TokenHash::new([7; 32])
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_hold_the_answer_back_and_count_as_a_race() {
        let table = Arc::new(Refreshing::default());
        let first = table.arrive(token());
        assert!(!first.in_race());
        let began = Instant::now();
        let (answered, straggler) = tokio::join!(
            async {
                first.settle().await;
                began.elapsed()
            },
            async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                table.arrive(token())
            }
        );
        assert!(straggler.in_race());
        assert_eq!(answered, Duration::from_millis(350));
        assert!(!table.arrive(token()).in_race(), "the answer has left");
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_without_end_do_not_hold_the_answer_for_ever() {
        let table = Arc::new(Refreshing::default());
        let first = table.arrive(token());
        let began = Instant::now();
        let stragglers = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                drop(table.arrive(token()));
            }
        };
        tokio::select! {
            () = first.settle() => {}
            () = stragglers => {}
        }
        assert_eq!(began.elapsed(), LONGEST);
    }

    #[test]
    fn nothing_is_kept_of_answered_requests() {
        let table = Arc::new(Refreshing::default());
        drop((table.arrive(token()), table.arrive(token())));
        assert!(table.table().is_empty());
    }
}
