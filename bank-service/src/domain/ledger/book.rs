//! The ledger accounts and transfers that one transaction has loaded and locked, and what it changes of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Entry, LedgerAccount, LedgerId, Refusal, Transfer, TransferId};

/// Changes come one after another; each sees those before it.
#[derive(Debug, Default)]
pub struct Book {
    /// The time of what is posted; never earlier than any entry that exists (see [`Book::post`]).
    now: DateTime<Utc>,
    accounts: BTreeMap<LedgerId, LedgerAccount>,
    transfers: BTreeMap<TransferId, Transfer>,
    opened: BTreeSet<LedgerId>,
    changed: BTreeSet<LedgerId>,
}

/// A change of one ledger account.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub ledger_id: LedgerId,
    pub amount: i64,
    pub held: i64,
}

/// The effects of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The transfer that is the answer: the new one, or the hold that ended.
    pub transfer: Transfer,
    /// Whether it is new.
    pub is_new: bool,
    /// The hold or the original, as it is now.
    pub changed: Option<Transfer>,
    pub entries: Vec<Entry>,
    /// Both sides, as they are now.
    pub from: LedgerAccount,
    pub to: LedgerAccount,
}

impl Done {
    /// The number of the entry that it made on this side, if any.
    pub fn seq_of(&self, side: LedgerId) -> Option<i64> {
        self.entries.iter().find(|entry| entry.ledger_id == side).map(|entry| entry.seq)
    }
}

impl Book {
    pub fn new(
        now: DateTime<Utc>,
        accounts: impl IntoIterator<Item = LedgerAccount>,
        transfers: impl IntoIterator<Item = Transfer>,
    ) -> Self {
        Self {
            now,
            accounts: accounts.into_iter().map(|account| (account.id, account)).collect(),
            transfers: transfers.into_iter().map(|transfer| (transfer.id, transfer)).collect(),
            ..Self::default()
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The ledger accounts that were opened.
    pub fn opened(&self) -> impl Iterator<Item = &LedgerAccount> {
        self.accounts.values().filter(|account| self.opened.contains(&account.id))
    }

    /// The others that were changed.
    pub fn changed(&self) -> impl Iterator<Item = &LedgerAccount> {
        let is_changed = |id| self.changed.contains(id) && !self.opened.contains(id);
        self.accounts.values().filter(move |account| is_changed(&account.id))
    }

    /// Opens a ledger account.
    pub fn open(&mut self, account: LedgerAccount) {
        self.opened.insert(account.id);
        self.accounts.insert(account.id, account);
    }

    pub fn find(&self, id: LedgerId) -> Option<&LedgerAccount> {
        self.accounts.get(&id)
    }

    /// A ledger account that the change cannot do without.
    pub(super) fn account(&self, id: LedgerId) -> Result<&LedgerAccount, Refusal> {
        self.find(id).ok_or(Refusal::Missing(id))
    }

    pub fn transfer(&self, id: TransferId) -> Option<&Transfer> {
        self.transfers.get(&id)
    }

    /// Adds a ledger account that was locked later.
    pub fn load(&mut self, account: LedgerAccount) {
        self.accounts.entry(account.id).or_insert(account);
    }

    /// Adds a transfer that was locked later.
    pub fn load_transfer(&mut self, transfer: Transfer) {
        self.transfers.entry(transfer.id).or_insert(transfer);
    }

    /// Replaces a ledger account by what it has become.
    pub(super) fn put(&mut self, account: LedgerAccount) {
        self.changed.insert(account.id);
        self.accounts.insert(account.id, account);
    }

    /// Keeps a transfer for the changes that follow.
    pub(super) fn keep(&mut self, transfer: Transfer) {
        self.transfers.insert(transfer.id, transfer);
    }

    /// The time at which a change of these ledger accounts is posted: it never falls with rising `seq`.
    pub(super) fn time_of(&self, changes: &[Change]) -> DateTime<Utc> {
        let last = changes.iter().filter_map(|change| self.find(change.ledger_id)?.posted_at).max();
        last.map_or(self.now, |last| last.max(self.now))
    }

    /// Posts the changes of one transfer, all or none.
    pub(super) fn post(&mut self, transfer: Option<TransferId>, changes: &[Change]) -> Result<Vec<Entry>, Refusal> {
        let posted_at = self.time_of(changes);
        let mut after = Vec::with_capacity(changes.len());
        for change in changes {
            after.push(changed(self.account(change.ledger_id)?, *change)?);
        }
        let mut entries = Vec::with_capacity(changes.len());
        for (mut account, change) in after.into_iter().zip(changes) {
            account.posted_at = Some(posted_at);
            entries.push(entry_of(&account, transfer, *change, posted_at));
            self.put(account);
        }
        Ok(entries)
    }

    /// Sets the limit of an overdraft.
    pub(super) fn limit(&mut self, id: LedgerId, min_balance: i64) -> Result<Entry, Refusal> {
        let none = Change { ledger_id: id, amount: 0, held: 0 };
        let posted_at = self.time_of(&[none]);
        let mut account = self.account(id)?.clone();
        account.min_balance = min_balance;
        if account.available() < 0 {
            return Err(Refusal::OverdraftInUse);
        }
        account.seq = account.seq.saturating_add(1);
        account.posted_at = Some(posted_at);
        let entry = entry_of(&account, None, none, posted_at);
        self.put(account);
        Ok(entry)
    }
}

/// The ledger account after the change. A customer's never falls below what it may spend, and stays in range.
fn changed(before: &LedgerAccount, change: Change) -> Result<LedgerAccount, Refusal> {
    let mut account = before.clone();
    let is_customers = before.kind.is_customers();
    account.balance = match before.balance_after(change.amount) {
        Some(balance) => balance,
        None if is_customers => return Err(Refusal::BalanceOutOfRange),
        None => return Err(Refusal::StripeFull(before.id)),
    };
    account.held = before.held.checked_add(change.held).ok_or(Refusal::BalanceOutOfRange)?;
    // A change that gives or frees money is never refused for a limit that was lowered since.
    if is_customers && account.available() < 0 && account.available() < before.available() {
        return Err(Refusal::InsufficientFunds { available: before.available().max(0) });
    }
    account.seq = before.seq.checked_add(1).ok_or(Refusal::BalanceOutOfRange)?;
    Ok(account)
}

fn entry_of(after: &LedgerAccount, transfer: Option<TransferId>, change: Change, posted_at: DateTime<Utc>) -> Entry {
    Entry {
        ledger_id: after.id,
        seq: after.seq,
        transfer_id: transfer,
        amount: change.amount,
        held_change: change.held,
        balance_after: after.balance,
        held_after: after.held,
        min_balance_after: after.min_balance,
        posted_at,
    }
}
