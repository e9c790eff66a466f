//! The end of the money of accounts and cards that are deleted: open holds on either side are given up, and what is left is posted,
//! a card's to its account, an account's to its bank's `closed`. If a card's money would pass the largest balance of its account, it
//! goes to `closed` as well if the account ends with it; else the deletion is refused. So is one of so much money that a ledger account
//! of the bank would overflow.

use std::collections::HashMap;

use shared_events::AccountId;

use super::errors::{AccountInUse, CloseError, check_count as check, one_beyond, written};
use super::ledger::{Needs, open_book, post};
use crate::domain::account::Account;
use crate::domain::card::Card;
use crate::domain::ledger::{Book, Caller, LedgerAccount, LedgerId, StripeKey, System, Transfer, TransferId, close};
use crate::domain::scope::Scope;
use crate::store::ledger::{Wait, find, open_holds_of};
use crate::store::{self, Ctx, Db, PendingEvent, StoreError};

/// Accounts and cards that are deleted, with their money locked.
pub(super) struct Closing {
    caller: Caller,
    book: Book,
    holds: Vec<TransferId>,
    /// The ledger accounts that end, in this order, each with the one that takes what is left: the cards first.
    ends: Vec<(LedgerId, LedgerId)>,
}

impl Closing {
    /// Locks all that the end of this money changes: holds, then ledger accounts. The rows of the accounts are locked already.
    pub(super) fn begin(
        db: &mut Db,
        ctx: &Ctx,
        caller: Caller,
        cards: &[Card],
        accounts: &[AccountId],
    ) -> Result<Self, CloseError> {
        let accounts: Vec<LedgerId> = accounts.iter().copied().map(LedgerId::of_account).collect();
        let mut ends: Vec<(LedgerId, LedgerId)> =
            cards.iter().map(|card| (LedgerId::of_card(card.id), LedgerId::of_account(card.account_id))).collect();
        let ids: Vec<LedgerId> = ends.iter().map(|(card, _)| *card).chain(accounts.iter().copied()).collect();
        let holds = open_holds_of(db, &ids, one_beyond())?;
        check(holds.len())?;
        let keys: Vec<(LedgerId, StripeKey)> =
            find(db, &accounts)?.iter().map(|account| (account.id, StripeKey::of(account, System::Closed))).collect();
        let mut stripes: Vec<StripeKey> = Vec::new();
        for (_, key) in &keys {
            if !stripes.contains(key) {
                stripes.push(*key);
            }
        }
        let parents = ends.iter().map(|(_, account)| *account);
        let sides = holds.iter().flat_map(|hold| [hold.from, hold.to]);
        let needs = Needs {
            accounts: ids.iter().copied().chain(parents).chain(sides).collect(),
            transfers: holds.iter().map(|hold| hold.id).collect(),
            stripes,
        };
        let (book, stripe_ids) = open_book(db, ctx, &needs, Wait::ForLock)?;
        // A hold that was added before the locks were held would be left behind.
        written(open_holds_of(db, &ids, one_beyond())?.len() == holds.len())?;
        let of: HashMap<StripeKey, LedgerId> = needs.stripes.into_iter().zip(stripe_ids).collect();
        ends.extend(keys.into_iter().filter_map(|(id, key)| Some((id, *of.get(&key)?))));
        written(ends.len() == ids.len())?;
        if !caller.is_staff() {
            refuse_in_use(&book, caller, &ids, &holds)?;
            if !ctx.owners_set_balances && ids.iter().any(|id| book.find(*id).is_some_and(|one| one.balance != 0)) {
                return Err(AccountInUse::NotEmpty.into());
            }
        }
        Ok(Self { caller, book, holds: holds.iter().map(|hold| hold.id).collect(), ends })
    }

    fn find(&self, id: LedgerId) -> Result<&LedgerAccount, StoreError> {
        self.book.find(id).ok_or(StoreError::Serialization)
    }

    /// The card as it is under the lock.
    pub(super) fn card(&self, card: &Card) -> Result<Card, StoreError> {
        Ok(card.with_money(self.find(LedgerId::of_card(card.id))?))
    }

    /// The account as it is under the lock.
    pub(super) fn account(&self, account: &Account) -> Result<Account, StoreError> {
        Ok(account.with_money(self.find(LedgerId::of_account(account.id))?))
    }

    /// Posts the end.
    pub(super) fn post(&mut self, db: &mut Db) -> Result<Vec<PendingEvent>, CloseError> {
        let (mut holds, mut done) = (std::mem::take(&mut self.holds), Vec::new());
        let ends = std::mem::take(&mut self.ends);
        let rests: HashMap<LedgerId, LedgerId> = ends.iter().copied().collect();
        for (id, rest) in ends {
            let fits = self.find(rest)?.balance_after(self.find(id)?.balance).is_some();
            let rest = if fits { rest } else { rests.get(&rest).copied().unwrap_or(rest) };
            done.extend(close(&mut self.book, self.caller, id, &std::mem::take(&mut holds), rest)?);
        }
        Ok(post(db, &self.book, done)?)
    }

    /// The account of a card that had money, once that is posted.
    pub(super) fn changed_account(db: &mut Db, card: &Card) -> Result<Option<Account>, StoreError> {
        if card.balance == 0 {
            return Ok(None);
        }
        let account = store::accounts::find(db, Scope::All, card.account_id)?;
        Ok(Some(account.ok_or(StoreError::Serialization)?))
    }
}

/// An owner does not leave debts behind, nor take back what is held for somebody else. A hold that has run out by the book's time
/// keeps nothing, ended or not: [`Closing::post`] ends it.
fn refuse_in_use(book: &Book, caller: Caller, ids: &[LedgerId], holds: &[Transfer]) -> Result<(), AccountInUse> {
    let is_own = |id: LedgerId| book.find(id).is_some_and(|account| caller.covers(account.user_id));
    let keeps = |hold: &Transfer| hold.is_open_at(book.now()) && ids.contains(&hold.from) && !is_own(hold.to);
    if holds.iter().any(keeps) {
        return Err(AccountInUse::Held);
    }
    if ids.iter().any(|id| book.find(*id).is_some_and(|account| account.balance < 0)) {
        return Err(AccountInUse::Overdrawn);
    }
    Ok(())
}
