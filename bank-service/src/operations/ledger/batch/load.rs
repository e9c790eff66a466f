//! Loads and locks what the jobs of a batch need, in a number of statements that does not depend on how many there are.

use std::collections::{HashMap, HashSet};

use shared_events::{AccountId, CardId};

use super::super::command::{Command, Request};
use super::super::issue_card::IssueCard;
use super::super::{Needs, caller, lock_sides};
use super::cards::opening_of;
use super::replays::Replays;
use super::{Batch, Job, Skipped};
use crate::domain::balance::Balance;
use crate::domain::ledger::{Book, LedgerAccount, LedgerId, Owner, StripeKey, System, Transfer, TransferId};
use crate::store::ledger::{self, TransferKey, Wait};
use crate::store::{Ctx, Db, IdempotencyBatch, IdempotencyKey, StoreError, accounts};

impl Batch {
    pub(super) fn load(db: &mut Db, ctx: &Ctx, jobs: &[Job], wait: Wait) -> Result<Self, StoreError> {
        let (requests, cards) = apart(jobs);
        ctx.require_ids::<CardId>(cards.len())?;
        // Before the other keys: where the transfer of a first balance is found, the answer to its request is found, too.
        let replays = Replays::load(db, transfer_keys_of(&requests, &cards))?;
        let keys = IdempotencyBatch::load(db, &keys_of(&requests, &cards))?;
        let mut skipped = Skipped::default();
        let parents = lock_parents(db, &cards, wait, &mut skipped)?;
        let is_new = |request: &&Request| request.key.as_ref().is_none_or(|key| !replays.has(&key.key));
        let requests: Vec<&Request> = requests.into_iter().filter(is_new).collect();
        let transfers = lock_transfers(db, &requests, wait, &mut skipped)?;
        let (mut needs, facts) = needs_of(db, &requests, &transfers)?;
        add_openings(&mut needs.stripes, &cards, &parents);
        let (book, ids) = lock_sides(db, ctx, &needs, transfers, wait)?;
        let stripes: HashMap<StripeKey, LedgerId> = needs.stripes.iter().copied().zip(ids).collect();
        skipped.ledger_accounts = skipped_of(db, &book, needs.accounts.iter().chain(stripes.values()), wait)?;
        let posted = HashMap::new();
        let (cards, decided, events) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { wait, book, stripes, facts, parents, skipped, replays, posted, keys, cards, decided, events })
    }
}

fn apart(jobs: &[Job]) -> (Vec<&Request>, Vec<&IssueCard>) {
    let (mut requests, mut cards) = (Vec::new(), Vec::new());
    for job in jobs {
        match job {
            Job::Money(request) => requests.push(request),
            Job::Card(card) => cards.push(card),
        }
    }
    (requests, cards)
}

/// The keys that transfers keep.
fn transfer_keys_of(requests: &[&Request], cards: &[&IssueCard]) -> Vec<String> {
    let keys: Vec<&TransferKey> = requests.iter().filter_map(|request| request.key.as_ref()).collect();
    // All transfers of one batch have the same.
    let alone: HashSet<&String> = keys.iter().filter_map(|key| key.alone.as_ref()).collect();
    let of_requests = keys.iter().map(|key| &key.key).chain(alone).cloned();
    of_requests.chain(cards.iter().filter_map(|card| Some(card.transfer_key()?.key))).collect()
}

/// The keys of all jobs, any of which a request may have used that made no transfer.
fn keys_of(requests: &[&Request], cards: &[&IssueCard]) -> Vec<IdempotencyKey> {
    let of_requests = requests.iter().filter_map(|request| Some(request.key.as_ref()?.given.clone()));
    of_requests.chain(cards.iter().filter_map(|card| card.key.clone())).collect()
}

fn lock_parents(
    db: &mut Db,
    cards: &[&IssueCard],
    wait: Wait,
    skipped: &mut Skipped,
) -> Result<HashMap<AccountId, Owner>, StoreError> {
    let ids: Vec<AccountId> = cards.iter().map(|card| card.wanted.account_id).collect();
    let parents = accounts::lock_for_share(db, &ids, wait)?;
    if wait == Wait::Skip {
        let missing: Vec<AccountId> = ids.into_iter().filter(|id| !parents.contains_key(id)).collect();
        skipped.accounts.extend(accounts::existing(db, &missing)?);
    }
    Ok(parents)
}

fn lock_transfers(
    db: &mut Db,
    requests: &[&Request],
    wait: Wait,
    skipped: &mut Skipped,
) -> Result<Vec<Transfer>, StoreError> {
    let ids: Vec<TransferId> = requests.iter().filter_map(|request| request.command.changes()).collect();
    let transfers = ledger::lock_transfers(db, &ids, wait)?;
    if wait == Wait::Skip {
        let locked: HashSet<TransferId> = transfers.iter().map(|one| one.id).collect();
        let missing: Vec<TransferId> = ids.into_iter().filter(|id| !locked.contains(id)).collect();
        skipped.transfers.extend(ledger::find_transfers(db, &missing)?.iter().map(|one| one.id));
    }
    Ok(transfers)
}

/// The ledger accounts and stripes of the requests, and what never changes of those that stripes belong to.
fn needs_of(
    db: &mut Db,
    requests: &[&Request],
    transfers: &[Transfer],
) -> Result<(Needs, HashMap<LedgerId, LedgerAccount>), StoreError> {
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
        // Money that is due to an open account goes there.
        if system == System::Cash || account.is_closed() {
            add(&mut stripes, StripeKey::of(account, system));
        }
    }
    Ok((Needs { accounts, transfers: Vec::new(), stripes }, facts))
}

/// The stripes that the first balances of cards come from.
fn add_openings(stripes: &mut Vec<StripeKey>, cards: &[&IssueCard], parents: &HashMap<AccountId, Owner>) {
    for card in cards.iter().filter(|card| card.wanted.balance != Balance::default()) {
        let Some(owner) = parents.get(&card.wanted.account_id) else { continue };
        if caller(&card.ctx, card.scope).covers(owner.customer.map(|(_, user)| user)) {
            add(stripes, opening_of(card.wanted.account_id, owner));
        }
    }
}

fn add(stripes: &mut Vec<StripeKey>, key: StripeKey) {
    if !stripes.contains(&key) {
        stripes.push(key);
    }
}

/// The ledger accounts that exist and are not in the book, since another transaction has locked them.
fn skipped_of<'a>(
    db: &mut Db,
    book: &Book,
    needed: impl Iterator<Item = &'a LedgerId>,
    wait: Wait,
) -> Result<HashSet<LedgerId>, StoreError> {
    if wait == Wait::ForLock {
        return Ok(HashSet::new());
    }
    let missing: Vec<LedgerId> = needed.filter(|id| book.find(**id).is_none()).copied().collect();
    Ok(ledger::find(db, &missing)?.into_iter().map(|account| account.id).collect())
}
