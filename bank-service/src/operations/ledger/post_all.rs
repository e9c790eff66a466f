//! Many requests in one transaction: rows are loaded and written together, and decided one after another in between. What one of
//! them is refused for is no matter of the others.

use std::collections::{HashMap, HashSet};

use super::command::{Command, Posted, Request, TransferError};
use super::{Needs, decide, lock_sides};
use crate::domain::ledger::{
    Book, Caller, Done, LedgerAccount, LedgerId, Order, Refusal, StripeKey, System, Transfer, TransferId, TransferKind,
    TransferStatus, capture, expire, reverse, transfer, void,
};
use crate::store::ledger::{self, Decided, Placed, TransferKey, Wait};
use crate::store::{Ctx, Db, IdempotencyError, IdempotencyKey, PendingEvent, StoreError, idempotency};

/// How many holds that ran out one request ends to get at their money.
const EXPIRED_AT_ONCE: i64 = 100;

type Answer = Result<Posted, TransferError>;

/// Posts the requests; answers them in their order, with the events of each. With [`Wait::Skip`], a request whose rows another
/// transaction has is answered with [`StoreError::Serialization`].
pub fn post_all(db: &mut Db, requests: &[Request], wait: Wait) -> Result<Vec<(Answer, Vec<PendingEvent>)>, StoreError> {
    let Some(ctx) = requests.iter().map(|request| &request.ctx).max_by_key(|ctx| ctx.now) else {
        return Ok(Vec::new());
    };
    let mut batch = Batch::load(db, ctx, requests, wait)?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let before = batch.events.len();
        let answer = batch.answer(db, request);
        if let Err(TransferError::Store(error)) = &answer
            && !matches!(error, StoreError::Serialization)
        {
            return Err(error.for_each());
        }
        answers.push((answer, batch.events.split_off(before)));
    }
    ledger::save(db, &batch.book, &batch.decided, &[])?;
    Ok(answers)
}

struct Batch {
    book: Book,
    stripes: HashMap<StripeKey, LedgerId>,
    /// Customers' ledger accounts as they were read without a lock: only what never changes of them is used.
    facts: HashMap<LedgerId, LedgerAccount>,
    /// Ledger accounts that another transaction has locked.
    skipped: HashSet<LedgerId>,
    /// What was done under keys of these requests, before or by this batch.
    placed: HashMap<String, Placed>,
    decided: Vec<Decided>,
    events: Vec<PendingEvent>,
}

impl Batch {
    fn load(db: &mut Db, ctx: &Ctx, requests: &[Request], wait: Wait) -> Result<Self, StoreError> {
        let keys: Vec<String> = requests.iter().filter_map(|one| Some(one.key.as_ref()?.key.clone())).collect();
        let placed = ledger::by_keys(db, &keys)?;
        let placed = placed.into_iter().filter_map(|one| Some((one.request_key.clone()?, one))).collect();
        let changed: Vec<TransferId> = requests.iter().filter_map(|request| request.command.changes()).collect();
        let transfers = ledger::lock_transfers(db, &changed)?;
        let mut accounts: Vec<LedgerId> = transfers.iter().flat_map(|one| [one.from, one.to]).collect();
        let mut outside = Vec::new();
        for request in requests {
            match &request.command {
                Command::Transfer(order) => accounts.extend([order.from, order.to]),
                Command::Outside { account, .. } => outside.push((*account, System::Cash)),
                Command::Reverse { transfer, .. } => {
                    let original = transfers.iter().find(|one| one.id == *transfer);
                    outside.extend(original.map(|original| (original.from, System::Closed)));
                }
                Command::Capture { .. } | Command::Void { .. } | Command::Expire { .. } => {}
            }
        }
        let ids: Vec<LedgerId> = outside.iter().map(|(id, _)| *id).collect();
        let facts: HashMap<LedgerId, LedgerAccount> =
            ledger::find(db, &ids)?.into_iter().map(|account| (account.id, account)).collect();
        let mut stripes: Vec<StripeKey> = Vec::new();
        for (id, system) in outside {
            let Some(account) = facts.get(&id) else { continue };
            accounts.push(id);
            let key = StripeKey::of(account, system);
            // What is due to an open account goes there.
            if (system == System::Cash || account.is_closed()) && !stripes.contains(&key) {
                stripes.push(key);
            }
        }
        let needs = Needs { accounts, transfers: changed, stripes };
        let (book, ids) = lock_sides(db, ctx, &needs, transfers, wait)?;
        let stripes: HashMap<StripeKey, LedgerId> = needs.stripes.iter().copied().zip(ids).collect();
        let skipped = skipped(db, &book, needs.accounts.iter().chain(stripes.values()), wait)?;
        Ok(Self { book, stripes, facts, skipped, placed, decided: Vec::new(), events: Vec::new() })
    }

    fn answer(&mut self, db: &mut Db, request: &Request) -> Answer {
        if let Some(key) = &request.key
            && let Some(placed) = self.placed.get(&key.key)
        {
            if placed.request_hash.as_ref() != Some(&key.request_hash) {
                return Err(IdempotencyError::KeyReused.into());
            }
            return replayed(db, &self.book, placed.clone(), request.caller);
        }
        if let (Command::Void { hold }, Some(key)) = (&request.command, &request.key)
            && idempotency::was_used::<TransferError>(db, &request.ctx, &void_key(key))?
            && let Some(hold) = self.book.transfer(*hold).cloned()
        {
            return self.voided_before(hold, request.caller);
        }
        let done = match self.decided_by(request) {
            Err(Refusal::InsufficientFunds { .. }) if self.end_expired(db, request)? => self.decided_by(request),
            Err(_) if self.is_skipped(&request.command) => return Err(StoreError::Serialization.into()),
            done => done,
        }?;
        // A void makes no transfer that could keep its key.
        let is_void = matches!(request.command, Command::Void { .. });
        if let Some(key) = request.key.as_ref().filter(|_| is_void) {
            idempotency::note_use(db, &request.ctx, &void_key(key))?;
        }
        let key = request.key.clone().filter(|_| !is_void);
        let (decided, event) = decide(done, key.clone());
        let posted = Posted {
            transfer: decided.done.transfer.clone(),
            from: decided.done.from.clone(),
            to: decided.done.to.clone(),
            own: own_side(&decided.done, request.caller),
            event_id: decided.event_id.clone(),
            is_replayed: false,
        };
        if let Some(key) = key {
            self.placed.insert(key.key, placed(&decided, key.request_hash));
        }
        self.decided.push(decided);
        self.events.push(event);
        Ok(posted)
    }

    /// The answer to a void that is asked for again.
    fn voided_before(&self, transfer: Transfer, caller: Caller) -> Answer {
        let side = |id| self.book.find(id).cloned().ok_or(StoreError::Serialization);
        let (from, to) = (side(transfer.from)?, side(transfer.to)?);
        let done = Done { transfer, is_new: false, changed: None, entries: Vec::new(), from, to };
        let own = own_side(&done, caller);
        Ok(Posted { transfer: done.transfer, from: done.from, to: done.to, own, event_id: None, is_replayed: true })
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

    /// Ends holds that ran out, if the money of a refused request is held by some; whether there were any.
    fn end_expired(&mut self, db: &mut Db, request: &Request) -> Result<bool, StoreError> {
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
        let ran_out = ledger::expired_of(db, from, self.book.now(), EXPIRED_AT_ONCE)?;
        let mut any = false;
        for hold in ledger::lock_transfers(db, &ran_out)? {
            if self.book.transfer(hold.id).is_some() {
                continue;
            }
            if self.book.find(hold.to).is_none() {
                for account in ledger::lock_accounts(db, &[hold.to], Wait::ForLock)? {
                    self.book.load(account);
                }
            }
            let id = hold.id;
            self.book.load_transfer(hold);
            if let Ok(done) = expire(&mut self.book, id) {
                let (decided, event) = decide(done, None);
                self.decided.push(decided);
                self.events.push(event);
                any = true;
            }
        }
        Ok(any)
    }

    fn is_skipped(&self, command: &Command) -> bool {
        if self.skipped.is_empty() {
            return false;
        }
        let sides = |id: TransferId| self.book.transfer(id).map(|one| [one.from, one.to]).into_iter().flatten();
        match command {
            Command::Transfer(order) => self.skipped.contains(&order.from) || self.skipped.contains(&order.to),
            Command::Outside { account, .. } => {
                let cash = self.facts.get(account).and_then(|one| self.stripes.get(&StripeKey::of(one, System::Cash)));
                self.skipped.contains(account) || cash.is_some_and(|cash| self.skipped.contains(cash))
            }
            Command::Capture { hold: id, .. }
            | Command::Void { hold: id }
            | Command::Expire { hold: id }
            | Command::Reverse { transfer: id, .. } => sides(*id).any(|side| self.skipped.contains(&side)),
        }
    }
}

/// The ledger accounts that exist and are not in the book, since another transaction has locked them.
fn skipped<'a>(
    db: &mut Db,
    book: &Book,
    needed: impl Iterator<Item = &'a LedgerId>,
    wait: Wait,
) -> Result<HashSet<LedgerId>, StoreError> {
    let missing: Vec<LedgerId> = needed.filter(|id| book.find(**id).is_none()).copied().collect();
    if wait == Wait::ForLock || missing.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(ledger::find(db, &missing)?.into_iter().map(|account| account.id).collect())
}

/// The key of a void, beside those of other requests.
fn void_key(key: &TransferKey) -> IdempotencyKey {
    let TransferKey { key, request_hash } = key.clone();
    IdempotencyKey { caller: "void".to_owned(), key, request_hash }
}

/// The side whose money the caller may see.
fn own_side(done: &Done, caller: Caller) -> LedgerAccount {
    let is_own = caller.covers(done.from.user_id) && done.from.kind.is_customers();
    if is_own || !done.to.kind.is_customers() { done.from.clone() } else { done.to.clone() }
}

/// What a later request under the same key finds.
fn placed(decided: &Decided, request_hash: String) -> Placed {
    let seq = |side| decided.done.entries.iter().find(|entry| entry.ledger_id == side).map(|entry| entry.seq);
    let transfer = decided.done.transfer.clone();
    Placed {
        from_seq: seq(transfer.from).unwrap_or_default(),
        to_seq: seq(transfer.to),
        request_key: decided.key.as_ref().map(|key| key.key.clone()),
        request_hash: Some(request_hash),
        event_id: decided.event_id.clone(),
        transfer,
    }
}

/// The answer that was given first: the transfer as it was made, and the caller's side after it.
fn replayed(db: &mut Db, book: &Book, placed: Placed, caller: Caller) -> Answer {
    let Placed { mut transfer, from_seq, to_seq, event_id, .. } = placed;
    transfer.status = if transfer.expires_at.is_some() { TransferStatus::Held } else { TransferStatus::Posted };
    (transfer.captured_amount, transfer.reversed_amount, transfer.ended_at) = (None, 0, None);
    let sides = ledger::find(db, &[transfer.from, transfer.to])?;
    let side = |id| book.find(id).or_else(|| sides.iter().find(|side| side.id == id)).cloned();
    let (from, to) = (side(transfer.from), side(transfer.to));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(StoreError::Corrupt { what: "the sides of a transfer" }.into());
    };
    let is_from = (caller.covers(from.user_id) && from.kind.is_customers()) || !to.kind.is_customers();
    let (mut own, seq) = if is_from { (from.clone(), Some(from_seq)) } else { (to.clone(), to_seq) };
    if let Some(seq) = seq
        && let Some(entry) = ledger::find_entry(db, own.id, seq)?
    {
        own.balance = entry.balance_after;
        own.held = entry.held_after;
        own.min_balance = entry.min_balance_after;
        own.seq = entry.seq;
    }
    Ok(Posted { transfer, from, to, own, event_id, is_replayed: true })
}
