//! Limits the streams or exports that run at the same time, per caller and per process, so that no caller takes all slots.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::http::problem::{ErrorCode, Problem};

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The slots, counted by a key of the caller. A request beyond the limit is refused with `Retry-After`.
pub struct Slots<K: Eq + Hash> {
    what: &'static str,
    of_one: usize,
    of_all: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// A slot, freed when it is dropped.
pub struct Slot<K: Eq + Hash> {
    slots: Arc<Slots<K>>,
    caller: K,
}

impl<K: Eq + Hash + Clone> Slots<K> {
    pub fn new(what: &'static str, of_one: usize, of_all: usize) -> Arc<Self> {
        Arc::new(Self { what, of_one, of_all, taken: Mutex::default() })
    }

    /// Takes a slot for this caller, identified by the token's `sub`.
    pub fn take(self: &Arc<Self>, caller: K) -> Result<Slot<K>, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&caller).copied().unwrap_or_default();
        if own >= self.of_one {
            let detail = format!("You have {own} {} running; end one, and ask again after some seconds.", self.what);
            return Err(Problem::new(ErrorCode::TooManyRequests, detail).with_retry_after(RETRY_AFTER));
        }
        if taken.values().sum::<usize>() >= self.of_all {
            return Err(Problem::overloaded(RETRY_AFTER));
        }
        taken.insert(caller.clone(), own + 1);
        Ok(Slot { slots: Arc::clone(self), caller })
    }
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.caller) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_some_of_the_places_and_all_have_the_rest() {
        let slots = Slots::new("streams", 2, 3);
        let (first, _second) = (slots.take("1").unwrap(), slots.take("1").unwrap());
        assert_eq!(slots.take("1").err().map(|problem| problem.code()), Some(ErrorCode::TooManyRequests));
        let _third = slots.take("2").unwrap();
        assert_eq!(slots.take("3").err().map(|problem| problem.code()), Some(ErrorCode::Overloaded));
        drop(first);
        assert!(slots.take("1").is_ok());
    }
}
