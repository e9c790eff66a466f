//! Issues a card in a batch.

use shared_events::events::{self, CardCreated};
use shared_events::{AccountId, CardId};

use super::super::command::Posted;
use super::super::issue_card::{IssueCard, IssueCardError};
use super::super::{caller, decide};
use super::Batch;
use crate::domain::balance::Balance;
use crate::domain::ledger::{LedgerAccount, LedgerId, Owner, StripeKey, System, open};
use crate::operations::errors::found;
use crate::store::ledger::TransferKey;
use crate::store::{Created, IdempotencyError, PendingEvent, StoreError};

impl Batch {
    pub(super) fn issue(&mut self, request: &IssueCard) -> Result<Created, IssueCardError> {
        let IssueCard { ctx, wanted, key, .. } = request;
        if let Some(key) = key
            && let Some(body) = self.keys.find(ctx, key)?
        {
            return Ok(Created { body: body.to_owned(), replayed: true });
        }
        if request.transfer_key().is_some_and(|key| self.has_moved_money(&key.key)) {
            return Err(IdempotencyError::KeyReused.into());
        }
        let owner = self.parent(request)?;
        let opening = self.opening(request, &owner)?;
        let id: CardId = ctx.next_id()?;
        let ledger_id = LedgerId::of_card(id);
        self.book.open(LedgerAccount::of_card(id, owner, ctx.now));
        let posted = match opening {
            Some(opening) => self.open(request, ledger_id, opening)?,
            None => None,
        };
        let opened = self.book.find(ledger_id).ok_or(StoreError::Corrupt { what: "a new card" })?;
        let card = wanted.issued(id, opened);
        self.events.push(PendingEvent::new(&CardCreated(events::Card::from(&card))));
        self.events.extend(posted);
        let body = (request.body_of)(&card).map_err(|_| StoreError::Corrupt { what: "a response" })?;
        self.cards.push(card);
        if let Some(key) = key {
            self.keys.remember(ctx, key, &body);
        }
        Ok(Created { body, replayed: false })
    }

    /// Whether there is a transfer under this key, of this batch or from before.
    pub(super) fn has_moved_money(&self, key: &str) -> bool {
        self.replays.has(key) || self.posted.contains_key(key)
    }

    /// The account's owner, if the account is within the scope.
    fn parent(&self, request: &IssueCard) -> Result<Owner, IssueCardError> {
        if self.skipped.accounts.contains(&request.wanted.account_id) {
            return Err(StoreError::Serialization.into());
        }
        let caller = caller(&request.ctx, request.scope);
        let owner = self.parents.get(&request.wanted.account_id);
        let owner = owner.filter(|owner| caller.covers(owner.customer.map(|(_, user)| user)));
        Ok(found(owner.cloned(), request.scope, "account")?)
    }

    /// The ledger account that the first balance comes from; none if the balance is zero.
    fn opening(&self, request: &IssueCard, owner: &Owner) -> Result<Option<LedgerId>, StoreError> {
        if request.wanted.balance == Balance::default() {
            return Ok(None);
        }
        let opening = self.stripes.get(&opening_of(request.wanted.account_id, owner)).copied();
        let opening = opening.ok_or(StoreError::Corrupt { what: "a stripe" })?;
        if self.skipped.ledger_accounts.contains(&opening) { Err(StoreError::Serialization) } else { Ok(Some(opening)) }
    }

    /// Posts the first balance; returns its event.
    fn open(
        &mut self,
        request: &IssueCard,
        id: LedgerId,
        opening: LedgerId,
    ) -> Result<Option<PendingEvent>, StoreError> {
        let caller = caller(&request.ctx, request.scope);
        let done = open(&mut self.book, caller, id, request.wanted.balance, opening);
        let done = done.map_err(|_| StoreError::Corrupt { what: "a bank's own ledger account" })?;
        Ok(done.map(|done| {
            let key = request.transfer_key();
            let (decided, event) = decide(done, key.clone());
            if let Some(TransferKey { key, given, .. }) = key {
                let posted = Posted::of(decided.done.clone(), caller, decided.event_id.clone());
                self.posted.insert(key, (given.request_hash, posted));
            }
            self.decided.push(decided);
            event
        }))
    }
}

/// The stripe that first balances of an account's cards come from.
pub(super) fn opening_of(account: AccountId, owner: &Owner) -> StripeKey {
    StripeKey::beside(LedgerId::of_account(account), owner.bank_id, owner.currency, System::Opening)
}
