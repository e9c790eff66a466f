//! How many streams or exports run at the same time: of one caller, and of the process. Nobody takes all places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service_kit::http::problem::{ErrorCode, Problem};

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The places. More than they are is refused with `Retry-After`.
pub(super) struct Seats {
    what: &'static str,
    of_one: usize,
    of_all: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// A place; given back when it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    caller: String,
}

impl Seats {
    pub(super) fn new(what: &'static str, of_one: usize, of_all: usize) -> Arc<Self> {
        Arc::new(Self { what, of_one, of_all, taken: Mutex::default() })
    }

    /// A place for this caller (the token's `sub`).
    pub(super) fn take(self: &Arc<Self>, caller: &str) -> Result<Seat, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(caller).copied().unwrap_or_default();
        if own >= self.of_one {
            let detail = format!("You have {own} {} running; end one, and ask again after some seconds.", self.what);
            return Err(Problem::new(ErrorCode::TooManyRequests, detail).with_retry_after(RETRY_AFTER));
        }
        if taken.values().sum::<usize>() >= self.of_all {
            return Err(Problem::overloaded(RETRY_AFTER));
        }
        taken.insert(caller.to_owned(), own + 1);
        Ok(Seat { seats: Arc::clone(self), caller: caller.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
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
        let seats = Seats::new("streams", 2, 3);
        let (first, _second) = (seats.take("1").unwrap(), seats.take("1").unwrap());
        assert_eq!(seats.take("1").err().map(|problem| problem.code()), Some(ErrorCode::TooManyRequests));
        let _third = seats.take("2").unwrap();
        assert_eq!(seats.take("3").err().map(|problem| problem.code()), Some(ErrorCode::Overloaded));
        drop(first);
        assert!(seats.take("1").is_ok());
    }
}
