//! The end of a hold: its money moves, or is free again.

use super::transferring::{both_sides, done};
use super::{Amount, Book, Caller, Change, Done, Refusal, Transfer, TransferId, TransferKind, TransferStatus};

/// Captures a hold: a second transfer moves the amount, at most what is held; the rest is free again.
pub fn capture(book: &mut Book, caller: Caller, id: TransferId, amount: Option<Amount>) -> Result<Done, Refusal> {
    let hold = visible(book, caller, id)?;
    if !caller.covers(book.account(hold.to)?.user_id) {
        return Err(caller.scope.missing("transfer").into());
    }
    is_open(book, &hold)?;
    let amount = amount.unwrap_or(hold.amount);
    if amount > hold.amount {
        return Err(Refusal::MoreThanHeld { held: hold.amount });
    }
    if book.account(hold.to)?.is_closed() || book.account(hold.from)?.is_closed() {
        return Err(Refusal::AccountClosed);
    }
    let id = TransferId::new();
    let changes = both_sides(hold.from, hold.to, amount.minor(), hold.amount.minor().saturating_neg());
    let now = book.time_of(&changes);
    let entries = book.post(Some(id), &changes)?;
    let capture = Transfer {
        id,
        amount,
        kind: TransferKind::Transfer,
        status: TransferStatus::Posted,
        hold_id: Some(hold.id),
        created_at: now,
        posted_at: Some(now),
        expires_at: None,
        actor: caller.user_id,
        ..hold.clone()
    };
    let ended =
        Transfer { status: TransferStatus::Captured, captured_amount: Some(amount), ended_at: Some(now), ..hold };
    done(book, capture, Some(ended), entries)
}

/// Ends a hold without moving its money: by its receiver or staff; by its sender if both sides are its own.
pub fn void(book: &mut Book, caller: Caller, id: TransferId) -> Result<Done, Refusal> {
    let hold = visible(book, caller, id)?;
    if !caller.covers(book.account(hold.to)?.user_id) {
        return Err(caller.scope.missing("transfer").into());
    }
    is_open(book, &hold)?;
    end(book, hold, TransferStatus::Voided)
}

/// Ends a hold that has run out.
pub fn expire(book: &mut Book, id: TransferId) -> Result<Done, Refusal> {
    let hold = book.transfer(id).cloned().ok_or(Refusal::HoldEnded)?;
    if hold.status != TransferStatus::Held || hold.is_open_at(book.now()) {
        return Err(Refusal::HoldEnded);
    }
    end(book, hold, TransferStatus::Expired)
}

/// Ends a hold because a side of it is closed, whoever closes it.
pub(super) fn release(book: &mut Book, id: TransferId) -> Result<Done, Refusal> {
    let hold = book.transfer(id).cloned().ok_or(Refusal::HoldEnded)?;
    let status = if hold.is_open_at(book.now()) { TransferStatus::Voided } else { TransferStatus::Expired };
    end(book, hold, status)
}

fn end(book: &mut Book, hold: Transfer, status: TransferStatus) -> Result<Done, Refusal> {
    let change = Change { ledger_id: hold.from, amount: 0, held: hold.amount.minor().saturating_neg() };
    let now = book.time_of(&[change]);
    let entries = book.post(Some(hold.id), &[change])?;
    let ended = Transfer { status, ended_at: Some(now), ..hold };
    let mut done = done(book, ended.clone(), Some(ended), entries)?;
    done.is_new = false;
    Ok(done)
}

/// A transfer that the caller may see: one of its sides is its own.
fn visible(book: &Book, caller: Caller, id: TransferId) -> Result<Transfer, Refusal> {
    let missing = || caller.scope.missing("transfer");
    let transfer = book.transfer(id).ok_or_else(missing)?;
    let covers = |side| book.find(side).is_some_and(|account| caller.covers(account.user_id));
    if covers(transfer.from) || covers(transfer.to) { Ok(transfer.clone()) } else { Err(missing().into()) }
}

fn is_open(book: &Book, hold: &Transfer) -> Result<(), Refusal> {
    match hold.status {
        TransferStatus::Posted => Err(Refusal::NotHeld),
        TransferStatus::Held if hold.is_open_at(book.now()) => Ok(()),
        _ => Err(Refusal::HoldEnded),
    }
}
