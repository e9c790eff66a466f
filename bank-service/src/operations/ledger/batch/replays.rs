//! The answers to requests that were done before, under the same key.

use std::collections::HashMap;

use super::super::command::{Posted, TransferError};
use crate::domain::ledger::{Caller, Entry, LedgerAccount, LedgerId};
use crate::store::ledger::{self, Placed, TransferKey};
use crate::store::{Db, IdempotencyError, StoreError};

/// The transfers that were made under keys of a batch, with both sides and the entries that they left there.
#[derive(Default)]
pub(super) struct Replays {
    placed: HashMap<String, Placed>,
    sides: HashMap<LedgerId, LedgerAccount>,
    entries: HashMap<(LedgerId, i64), Entry>,
}

impl Replays {
    pub(super) fn load(db: &mut Db, keys: Vec<String>) -> Result<Self, StoreError> {
        let found = ledger::by_keys(db, keys)?;
        if found.is_empty() {
            return Ok(Self::default());
        }
        let sides = ledger::sides_of(db, &found)?;
        let mut numbers = Vec::with_capacity(2 * found.len());
        for Placed { transfer, from_seq, to_seq, .. } in &found {
            numbers.push((transfer.from, *from_seq));
            numbers.extend(to_seq.map(|seq| (transfer.to, seq)));
        }
        let entries = ledger::find_entries(db, &numbers)?;
        Ok(Self {
            placed: found.into_iter().filter_map(|one| Some((one.request_key.clone()?, one))).collect(),
            sides: sides.into_iter().map(|side| (side.id, side)).collect(),
            entries: entries.into_iter().map(|entry| ((entry.ledger_id, entry.seq), entry)).collect(),
        })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.placed.contains_key(key)
    }

    /// The answer that was given first, if any: the transfer as it was made, and the caller's side after it.
    pub(super) fn find(&self, key: &TransferKey, caller: Caller) -> Option<Result<Posted, TransferError>> {
        let placed = self.placed.get(&key.key)?;
        Some(match &placed.request_hash {
            Some(hash) if *hash == key.given.request_hash => self.answer(placed, caller).map_err(Into::into),
            _ => Err(IdempotencyError::KeyReused.into()),
        })
    }

    fn answer(&self, placed: &Placed, caller: Caller) -> Result<Posted, StoreError> {
        let side = |id| self.sides.get(&id).ok_or(StoreError::Corrupt { what: "the sides of a transfer" });
        let (from, to) = (side(placed.transfer.from)?, side(placed.transfer.to)?);
        let (own, seq) =
            if caller.owns_debited(from, to) { (from, Some(placed.from_seq)) } else { (to, placed.to_seq) };
        let mut own = own.clone();
        if let Some(entry) = seq.and_then(|seq| self.entries.get(&(own.id, seq))) {
            own.balance = entry.balance_after;
            own.held = entry.held_after;
            own.min_balance = entry.min_balance_after;
            own.seq = entry.seq;
        }
        Ok(Posted {
            transfer: placed.transfer.clone().as_made(),
            from: from.clone(),
            to: to.clone(),
            own,
            event_id: placed.event_id.clone(),
            is_replayed: true,
        })
    }
}
