//! The money of one account or card: its first balance, a balance set by hand, the limit of its overdraft.

use super::{Needs, caller, open_book};
use crate::domain::balance::Balance;
use crate::domain::ledger::{
    Book, LedgerAccount, LedgerId, Refusal, StripeKey, System, adjust, open, set_overdraft_limit,
};
use crate::domain::scope::{OutOfScope, Scope};
use crate::operations::errors::Stale;
use crate::store::ledger::{self, TransferKey, Wait};
use crate::store::{Ctx, Db, PendingEvent, StoreError};

/// Why an item's money was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetMoneyError {
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(SetMoneyError);

/// A balance and a limit that are to be set; none: left as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetMoney {
    pub balance: Option<Balance>,
    pub overdraft_limit: Option<Balance>,
}

/// Inserts a new ledger account, with its first balance, whose transfer keeps the key.
pub(crate) fn open_with(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    opened: LedgerAccount,
    balance: Balance,
    key: Option<&TransferKey>,
) -> Result<(LedgerAccount, Vec<PendingEvent>), StoreError> {
    if balance == Balance::default() {
        ledger::insert(db, std::slice::from_ref(&opened))?;
        return Ok((opened, Vec::new()));
    }
    let needs = Needs { stripes: vec![StripeKey::of(&opened, System::Opening)], ..Needs::default() };
    let (mut book, stripes) = open_book(db, ctx, &needs, Wait::ForLock)?;
    let id = opened.id;
    book.open(opened);
    let opening = stripes.first().copied().ok_or(StoreError::Corrupt { what: "a stripe" })?;
    let done = open(&mut book, caller(ctx, scope), id, balance, opening);
    let done = done.map_err(|_| StoreError::Corrupt { what: "a bank's own ledger account" })?;
    let (decided, events) =
        done.into_iter().map(|done| super::decide(done, key.cloned())).unzip::<_, _, Vec<_>, Vec<_>>();
    ledger::save(db, &book, &decided, &[])?;
    Ok((account_of(&book, id)?, events))
}

/// Sets what is given and different, all of it or nothing, if the item with this ledger account is in an expected version. Returns the
/// ledger account, whether anything was changed, and the events of what moved: a changed limit has none.
pub(crate) fn set_money(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: LedgerId,
    wanted: SetMoney,
    check: impl FnOnce(&LedgerAccount) -> Result<(), Stale>,
) -> Result<(LedgerAccount, bool, Vec<PendingEvent>), SetMoneyError> {
    let facts = ledger::find(db, &[id])?.pop().ok_or(StoreError::Serialization)?;
    let stripes = wanted.balance.map(|_| StripeKey::of(&facts, System::Adjustments));
    let needs = Needs { accounts: vec![id], stripes: stripes.into_iter().collect(), ..Needs::default() };
    let (mut book, stripes) = open_book(db, ctx, &needs, Wait::ForLock)?;
    let before = account_of(&book, id)?;
    if before.is_closed() {
        return Err(StoreError::Serialization.into());
    }
    check(&before)?;
    let limit = match wanted.overdraft_limit {
        Some(limit) => set_overdraft_limit(&mut book, id, limit)?,
        None => None,
    };
    let done = match (wanted.balance, stripes.first()) {
        (Some(balance), Some(adjustments)) => adjust(&mut book, caller(ctx, scope), id, balance, *adjustments)?,
        _ => None,
    };
    let is_changed = limit.is_some() || done.is_some();
    if !is_changed {
        return Ok((before, false, Vec::new()));
    }
    let (decided, events) = done.into_iter().map(|done| super::decide(done, None)).unzip::<_, _, Vec<_>, Vec<_>>();
    ledger::save(db, &book, &decided, limit.as_slice())?;
    Ok((account_of(&book, id)?, true, events))
}

fn account_of(book: &Book, id: LedgerId) -> Result<LedgerAccount, StoreError> {
    book.find(id).cloned().ok_or(StoreError::Serialization)
}
