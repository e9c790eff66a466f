//! Moving money, or holding it to be moved.

use chrono::TimeDelta;
use shared_events::Currency;

use super::{
    Amount, Book, Caller, Change, Done, LedgerAccount, LedgerId, Refusal, Text, Transfer, TransferKind, TransferStatus,
};

/// A transfer that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub from: LedgerId,
    pub to: LedgerId,
    pub amount: Amount,
    /// None: that of the debited side.
    pub currency: Option<Currency>,
    pub kind: TransferKind,
    pub text: Text,
    /// How long the money is held; none: it moves at once.
    pub hold: Option<TimeDelta>,
}

/// The order of the checks keeps what a customer may not know: all that concerns its own side comes first, and whatever is wrong
/// with somebody else's is one answer.
pub fn transfer(book: &mut Book, caller: Caller, order: &Order) -> Result<Done, Refusal> {
    let from = debited(book, caller, order.from)?;
    if order.from == order.to {
        return Err(Refusal::SameAccount);
    }
    if order.currency.is_some_and(|currency| currency != from.currency) {
        return Err(Refusal::CurrencyMismatch);
    }
    let amount = order.amount.minor();
    if from.kind.is_customers() && from.available() < amount {
        return Err(Refusal::InsufficientFunds { available: from.available().max(0) });
    }
    let to = credited(book, caller, order.to, from.currency)?;
    let held = order.hold.map(|_| amount);
    let changes = match held {
        Some(held) => vec![Change { ledger_id: order.from, amount: 0, held }],
        None => both_sides(order.from, order.to, amount, 0),
    };
    let now = book.time_of(&changes);
    let posted = Transfer::posted(order.kind, (&from, &to), order.amount, now, caller.user_id);
    let transfer = match order.hold {
        None => Transfer { text: order.text.clone(), ..posted },
        Some(length) => Transfer {
            text: order.text.clone(),
            status: TransferStatus::Held,
            posted_at: None,
            expires_at: Some(now + length),
            ..posted
        },
    };
    let entries = book.post(Some(transfer.id), &changes)?;
    done(book, transfer, None, entries)
}

/// The changes of both sides: money leaves the one and reaches the other.
pub(super) fn both_sides(from: LedgerId, to: LedgerId, amount: i64, held: i64) -> Vec<Change> {
    vec![Change { ledger_id: from, amount: amount.saturating_neg(), held }, Change { ledger_id: to, amount, held: 0 }]
}

/// The result of a new transfer.
pub(super) fn done(
    book: &mut Book,
    transfer: Transfer,
    changed: Option<Transfer>,
    entries: Vec<super::Entry>,
) -> Result<Done, Refusal> {
    book.keep(transfer.clone());
    if let Some(changed) = &changed {
        book.keep(changed.clone());
    }
    let (from, to) = (book.account(transfer.from)?.clone(), book.account(transfer.to)?.clone());
    Ok(Done { transfer, is_new: true, changed, entries, from, to })
}

/// The debited side, which has to be the caller's.
fn debited(book: &Book, caller: Caller, id: LedgerId) -> Result<LedgerAccount, Refusal> {
    let what = if id.card().is_some() { "card" } else { "account" };
    let missing = || Refusal::from(caller.scope.missing(what));
    let account = book.find(id).ok_or_else(missing)?;
    match (caller.covers(account.user_id), account.is_closed()) {
        (true, false) => Ok(account.clone()),
        (true, true) if caller.is_staff() => Err(Refusal::AccountClosed),
        _ => Err(missing()),
    }
}

/// The credited side. Only its owner and staff learn what is wrong with it.
fn credited(book: &Book, caller: Caller, id: LedgerId, currency: Currency) -> Result<LedgerAccount, Refusal> {
    let Some(account) = book.find(id) else {
        return Err(if caller.is_staff() { Refusal::NoSuchRecipient } else { Refusal::UnknownRecipient });
    };
    let fault = match (account.is_closed(), account.currency == currency) {
        (true, _) => Refusal::AccountClosed,
        (false, false) => Refusal::CurrencyMismatch,
        (false, true) => return Ok(account.clone()),
    };
    Err(if caller.covers(account.user_id) { fault } else { Refusal::UnknownRecipient })
}
