//! Decides a request that moves money in a batch.

use super::super::command::{Command, Posted, Request, TransferError};
use super::super::decide;
use super::Batch;
use crate::domain::ledger::{
    Caller, Done, LedgerId, Order, Refusal, StripeKey, System, Transfer, TransferId, TransferKind, capture, expire,
    reverse, transfer, void,
};
use crate::store::ledger::{self, TransferKey};
use crate::store::{Db, IdempotencyError, StoreError};

/// How many holds that ran out are read at a time, and how many times, to get at their money for one request.
const EXPIRED_AT_ONCE: i64 = 100;
const EXPIRED_PAGES: i64 = 100;

type Answer = Result<Posted, TransferError>;

impl Batch {
    pub(super) fn post(&mut self, db: &mut Db, request: &Request) -> Answer {
        if let Some(answer) = self.done_before(request)? {
            return Ok(answer);
        }
        let done = match self.decided_with_expired(db, request)? {
            Err(_) if self.is_skipped(&request.command) => return Err(StoreError::Serialization.into()),
            done => done,
        }?;
        self.keep_key(request)?;
        // A void makes no transfer that could keep its key.
        let key = request.key.clone().filter(|_| !matches!(request.command, Command::Void { .. }));
        let posted = self.decide(done, request.caller, key.clone());
        if let Some(key) = key {
            self.posted.insert(key.key, (key.given.request_hash, posted.clone()));
        }
        Ok(posted)
    }

    /// Keeps a key whose use no transfer shows: that of a void, and that of a batch, whose transfers have keys of their own.
    fn keep_key(&mut self, request: &Request) -> Result<(), IdempotencyError> {
        let Some(key) = &request.key else { return Ok(()) };
        let is_shown = key.alone.is_none() && !matches!(request.command, Command::Void { .. });
        if !is_shown && self.keys.find(&request.ctx, &key.given)?.is_none() {
            self.keys.remember(&request.ctx, &key.given, "");
        }
        Ok(())
    }

    /// The answer to a request that is asked for again.
    fn done_before(&self, request: &Request) -> Result<Option<Posted>, TransferError> {
        let Some(key) = &request.key else { return Ok(None) };
        if let Some(answer) = self.replays.find(key, request.caller) {
            return answer.map(Some);
        }
        match self.posted.get(&key.key) {
            Some((hash, _)) if *hash != key.given.request_hash => return Err(IdempotencyError::KeyReused.into()),
            Some((_, posted)) => return Ok(Some(Posted { is_replayed: true, ..posted.clone() })),
            None => {}
        }
        // A transfer of a batch, under the key of one that was made alone.
        if key.alone.as_ref().is_some_and(|alone| self.has_moved_money(alone)) {
            return Err(IdempotencyError::KeyReused.into());
        }
        // The key of any other request is a reused one.
        let is_kept = self.keys.find(&request.ctx, &key.given)?.is_some();
        if let Command::Void { hold } = &request.command
            && is_kept
            && let Some(hold) = self.book.transfer(*hold).cloned()
        {
            return self.voided_before(hold, request.caller).map(Some);
        }
        Ok(None)
    }

    fn voided_before(&self, transfer: Transfer, caller: Caller) -> Answer {
        let side = |id| self.book.find(id).cloned().ok_or(StoreError::Serialization);
        let (from, to) = (side(transfer.from)?, side(transfer.to)?);
        let done = Done { transfer, is_new: false, changed: None, entries: Vec::new(), from, to };
        Ok(Posted { is_replayed: true, ..Posted::of(done, caller, None) })
    }

    /// Keeps what was done, to be written with the batch.
    fn decide(&mut self, done: Done, caller: Caller, key: Option<TransferKey>) -> Posted {
        let (decided, event) = decide(done, key);
        let posted = Posted::of(decided.done.clone(), caller, decided.event_id.clone());
        self.decided.push(decided);
        self.events.push(event);
        posted
    }

    /// Decides a request, and ends holds that ran out as long as it lacks their money.
    fn decided_with_expired(&mut self, db: &mut Db, request: &Request) -> Result<Result<Done, Refusal>, StoreError> {
        let mut done = self.decided_by(request);
        for page in 0..EXPIRED_PAGES {
            let lacks_money = matches!(done, Err(Refusal::InsufficientFunds { .. }));
            if !lacks_money || !self.end_expired(db, request, page)? {
                break;
            }
            done = self.decided_by(request);
        }
        Ok(done)
    }

    fn decided_by(&mut self, request: &Request) -> Result<Done, Refusal> {
        let (book, caller) = (&mut self.book, request.caller);
        match &request.command {
            Command::Transfer(order) => transfer(book, caller, order),
            Command::Outside { kind, account, amount, text } => {
                let facts = self.facts.get(account).ok_or_else(|| caller.scope.missing("account"))?;
                let cash = self.stripes.get(&StripeKey::of(facts, System::Cash)).copied();
                let cash = cash.ok_or(Refusal::Missing(*account))?;
                let (from, to) = if *kind == TransferKind::Deposit { (cash, *account) } else { (*account, cash) };
                let text = text.clone();
                transfer(
                    book,
                    caller,
                    &Order { from, to, amount: *amount, currency: None, kind: *kind, text, hold: None },
                )
            }
            Command::Capture { hold, amount } => capture(book, caller, *hold, *amount),
            Command::Void { hold } => void(book, caller, *hold),
            Command::Expire { hold } => expire(book, *hold),
            Command::Reverse { transfer, amount, text } => {
                let from = book.transfer(*transfer).map(|original| original.from);
                let facts = from.and_then(|from| self.facts.get(&from));
                let closed = facts.and_then(|facts| self.stripes.get(&StripeKey::of(facts, System::Closed))).copied();
                reverse(book, caller, *transfer, *amount, text, closed)
            }
        }
    }

    /// Ends a page of holds that ran out, if the money of a refused request is held by some; whether there were any.
    fn end_expired(&mut self, db: &mut Db, request: &Request, page: i64) -> Result<bool, StoreError> {
        let from = match &request.command {
            Command::Transfer(order) => order.from,
            Command::Outside { account, .. } => *account,
            Command::Capture { .. } | Command::Void { .. } | Command::Expire { .. } | Command::Reverse { .. } => {
                return Ok(false);
            }
        };
        if self.book.find(from).is_none_or(|account| account.held == 0) {
            return Ok(false);
        }
        // Holds that this batch has ended are among them until it is written: the pages stay as they are.
        let skipped = page * EXPIRED_AT_ONCE;
        let ran_out = ledger::expired_of(db, from, self.book.now(), skipped, EXPIRED_AT_ONCE)?;
        self.load_holds(db, &ran_out)?;
        for id in &ran_out {
            // One that has ended meanwhile is refused.
            if let Ok(done) = expire(&mut self.book, *id) {
                self.decide(done, request.caller, None);
            }
        }
        Ok(!ran_out.is_empty())
    }

    /// Locks holds and their receivers. [`StoreError::Serialization`] if another transaction has one of them.
    fn load_holds(&mut self, db: &mut Db, ids: &[TransferId]) -> Result<(), StoreError> {
        let holds = ledger::lock_transfers(db, ids, self.wait)?;
        let unknown = holds.iter().map(|hold| hold.to).filter(|to| self.book.find(*to).is_none());
        let unknown: Vec<LedgerId> = unknown.collect();
        let receivers = ledger::lock_accounts(db, &unknown, self.wait)?;
        let is_locked = |id: &LedgerId| receivers.iter().any(|receiver| receiver.id == *id);
        if holds.len() < ids.len() || !unknown.iter().all(is_locked) {
            return Err(StoreError::Serialization);
        }
        for receiver in receivers {
            self.book.load(receiver);
        }
        for hold in holds {
            self.book.load_transfer(hold);
        }
        Ok(())
    }

    fn is_skipped(&self, command: &Command) -> bool {
        let is_skipped = |id: &LedgerId| self.skipped.ledger_accounts.contains(id);
        match command {
            Command::Transfer(order) => is_skipped(&order.from) || is_skipped(&order.to),
            Command::Outside { account, .. } => {
                let cash = self.facts.get(account).and_then(|one| self.stripes.get(&StripeKey::of(one, System::Cash)));
                is_skipped(account) || cash.is_some_and(is_skipped)
            }
            Command::Capture { hold: id, .. }
            | Command::Void { hold: id }
            | Command::Expire { hold: id }
            | Command::Reverse { transfer: id, .. } => {
                let sides = self.book.transfer(*id).map(|one| [one.from, one.to]);
                self.skipped.transfers.contains(id) || sides.is_some_and(|sides| sides.iter().any(is_skipped))
            }
        }
    }
}
