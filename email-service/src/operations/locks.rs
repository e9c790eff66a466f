//! One lock per event.
//!
//! Two copies of a message may be handled at the same time; without this both would find no record and send. Waiting is
//! bounded by the waiter's time limit. Memory: one entry per event in flight; unused ones are cleared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared_events::EventId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The number of entries at which unused ones are cleared.
const CLEAR_AT: usize = 256;

#[derive(Default)]
pub(super) struct EventLocks {
    entries: Mutex<HashMap<EventId, Weak<AsyncMutex<()>>>>,
}

impl EventLocks {
    /// Waits until no other handler holds the event.
    pub(super) async fn lock(&self, event: EventId) -> OwnedMutexGuard<()> {
        self.entry(event).lock_owned().await
    }

    fn entry(&self, event: EventId) -> Arc<AsyncMutex<()>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&event).and_then(Weak::upgrade) {
            return entry;
        }
        if entries.len() >= CLEAR_AT {
            entries.retain(|_, entry| entry.strong_count() > 0);
        }
        let entry = Arc::new(AsyncMutex::new(()));
        entries.insert(event, Arc::downgrade(&entry));
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_is_locked_once_and_forgotten_when_done() {
        let locks = EventLocks::default();
        let event = EventId::from_content("a.b", b"1");
        let held = locks.lock(event).await;
        assert!(locks.entry(event).try_lock().is_err());
        assert!(locks.entry(EventId::from_content("a.b", b"2")).try_lock().is_ok());
        drop(held);
        for number in 0..1_000_u32 {
            drop(locks.lock(EventId::from_content("a.b", &number.to_be_bytes())).await);
        }
        assert!(locks.entries.lock().unwrap().len() <= CLEAR_AT);
    }
}
