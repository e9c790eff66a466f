//! What the last searches of the dead letters found: a search asks the transport, so it is made for each event every few seconds only.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use shared_events::EventId;

/// How often the dead letters are searched for one event.
const RECHECK: Duration = Duration::from_secs(5);
/// How long a result is remembered: it counts until the next search has ended.
const REMEMBERED: Duration = Duration::from_secs(20);
/// The most events whose last search is remembered.
const MAX_SEARCHED: usize = 2_000;

/// The last results by event.
#[derive(Default)]
pub(super) struct Searches(BTreeMap<EventId, Searched>);

/// The last search for one event.
struct Searched {
    at: Instant,
    is_parked: bool,
}

impl Searches {
    /// Whether it is time to search for an event again.
    pub(super) fn is_due(&self, id: EventId, now: Instant) -> bool {
        self.0.get(&id).is_none_or(|known| now.saturating_duration_since(known.at) >= RECHECK)
    }

    pub(super) fn is_parked(&self, id: EventId) -> bool {
        self.0.get(&id).is_some_and(|known| known.is_parked)
    }

    /// Of the other events the last result stays: a search takes a while, in which theirs may become due.
    pub(super) fn remember(&mut self, results: impl IntoIterator<Item = (EventId, bool)>, now: Instant) {
        self.0.retain(|_, known| now.saturating_duration_since(known.at) < REMEMBERED);
        if self.0.len() >= MAX_SEARCHED {
            self.0.clear();
        }
        self.0.extend(results.into_iter().map(|(id, is_parked)| (id, Searched { at: now, is_parked })));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_stays_one_while_others_are_searched_and_until_it_is_searched_again() {
        let [dead, other] = ["a", "b"].map(|key| EventId::from_content(key, b""));
        let (mut searches, begin) = (Searches::default(), Instant::now());
        searches.remember([(dead, true)], begin);
        assert!(searches.is_due(other, begin) && !searches.is_due(dead, begin));
        let later = begin + RECHECK;
        searches.remember([(other, false)], later);
        assert!(searches.is_parked(dead) && searches.is_due(dead, later));
        searches.remember([(dead, false)], later);
        assert!(!searches.is_parked(dead) && !searches.is_due(dead, later));
        searches.remember([], later + REMEMBERED);
        assert!(searches.0.is_empty());
    }
}
