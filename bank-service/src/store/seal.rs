//! How the outbox stores the secrets of events: sealed, and only until they are sent; and how counters are keyed.

use std::sync::{Arc, OnceLock};

use shared_events::WireMessage;

use super::StoreError;
use super::outbox_rows::DueRow;
use crate::sealing::{CounterKey, Seal};

/// The seal of this process, once it is set. Clones share it.
#[derive(Clone, Default)]
pub struct SharedSeal(Arc<OnceLock<Arc<dyn Seal>>>);

impl std::fmt::Debug for SharedSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSeal")
    }
}

impl SharedSeal {
    /// The first call wins.
    pub(super) fn set(&self, seal: Arc<dyn Seal>) {
        self.0.get_or_init(|| seal);
    }

    /// A message in its stored form: without its secrets, and, if it has any, sealed as a whole. Without a seal an event with a
    /// secret cannot be written at all.
    pub(super) fn close(&self, event_id: &str, message: &WireMessage) -> Result<(String, Option<Vec<u8>>), StoreError> {
        let corrupt = || StoreError::Corrupt { what: "an event's message" };
        let whole = serde_json::to_string(message).map_err(|_| corrupt())?;
        let mut shown = message.clone();
        if !shown.remove_secrets() {
            return Ok((whole, None));
        }
        let unsealed = || StoreError::Corrupt { what: "the seal of the outbox" };
        let sealed = self.0.get().and_then(|seal| seal.seal(event_id, whole.as_bytes())).ok_or_else(unsealed)?;
        Ok((serde_json::to_string(&shown).map_err(|_| corrupt())?, Some(sealed)))
    }

    pub(super) fn counter_key(&self, purpose: &str, parts: &[&str]) -> Result<CounterKey, StoreError> {
        let unsealed = StoreError::Corrupt { what: "the seal of the counters" };
        self.0.get().map(|seal| seal.counter_key(purpose, parts)).ok_or(unsealed)
    }

    /// The message of a due row, with its secrets; none if it cannot be read.
    pub(super) fn message(&self, row: &DueRow) -> Option<WireMessage> {
        let Some(sealed) = &row.sealed else { return serde_json::from_str(&row.message).ok() };
        let plain = self.0.get()?.open(&row.event_id, sealed)?;
        serde_json::from_slice(&plain).ok()
    }
}
