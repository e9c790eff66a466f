//! Final answers of the mail server that could not be recorded yet.
//!
//! If the records become unavailable between a mail and its record, the mail would otherwise be sent again. An answer kept here
//! is written before its event is handled again, and as soon as the records are back. Bounded: the oldest ones are dropped
//! first.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::DeliveryId;
use crate::store::Settled;

/// More than are ever in flight: the queue pauses when the records are unavailable.
const MAX_KEPT: usize = 1_024;

#[derive(Default)]
pub(super) struct UnrecordedResults(Mutex<BTreeMap<DeliveryId, Settled>>);

impl UnrecordedResults {
    /// Keeps a final answer; any other mail is sent again.
    pub(super) fn keep(&self, settled: &Settled) {
        if !settled.state.is_final() {
            return;
        }
        let mut kept = self.kept();
        kept.insert(settled.id, settled.clone());
        while kept.len() > MAX_KEPT {
            kept.pop_first();
        }
    }

    pub(super) fn find(&self, id: DeliveryId) -> Option<Settled> {
        self.kept().get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Settled> {
        self.kept().values().cloned().collect()
    }

    pub(super) fn forget(&self, id: DeliveryId) {
        self.kept().remove(&id);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<DeliveryId, Settled>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
