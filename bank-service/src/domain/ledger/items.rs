//! Postings of the routes of accounts and cards: first balances, balances set by hand, limits, and the end.

use super::hold::release;
use super::transferring::{both_sides, done};
use super::{Amount, Book, Caller, Done, Entry, LedgerId, Refusal, Transfer, TransferId, TransferKind};
use crate::domain::balance::Balance;

/// The first balance of a new account or card, from the bank's `opening`.
pub fn open(
    book: &mut Book,
    caller: Caller,
    id: LedgerId,
    balance: Balance,
    opening: LedgerId,
) -> Result<Option<Done>, Refusal> {
    move_balance(book, caller, TransferKind::Opening, (opening, id), balance.minor())
}

/// Sets a balance: the difference comes from the bank's `adjustments`, or goes there. None if it is the balance already.
pub fn adjust(
    book: &mut Book,
    caller: Caller,
    id: LedgerId,
    balance: Balance,
    adjustments: LedgerId,
) -> Result<Option<Done>, Refusal> {
    let account = book.account(id)?;
    if balance.minor() < account.held {
        return Err(Refusal::BelowHeld { held: account.held });
    }
    let difference = balance.minor().checked_sub(account.balance).ok_or(Refusal::BalanceOutOfRange)?;
    move_balance(book, caller, TransferKind::Adjustment, (adjustments, id), difference)
}

/// Ends a ledger account: its holds are given up, and what is left goes to `rest` (or comes from there, if it is below zero).
pub fn close(
    book: &mut Book,
    caller: Caller,
    id: LedgerId,
    holds: &[TransferId],
    rest: LedgerId,
) -> Result<Vec<Done>, Refusal> {
    let mut all = Vec::with_capacity(holds.len().saturating_add(1));
    for hold in holds {
        all.push(release(book, *hold)?);
    }
    let left = book.account(id)?.balance;
    all.extend(move_balance(book, caller, TransferKind::Closing, (id, rest), left)?);
    let mut account = book.account(id)?.clone();
    account.closed_at = Some(account.posted_at.map_or(book.now(), |last| last.max(book.now())));
    book.put(account);
    Ok(all)
}

/// Sets how far an account may be overdrawn. None if it is the limit already.
pub fn set_overdraft_limit(book: &mut Book, id: LedgerId, limit: Balance) -> Result<Option<Entry>, Refusal> {
    let min_balance = limit.minor().saturating_neg();
    if book.account(id)?.min_balance == min_balance {
        return Ok(None);
    }
    book.limit(id, min_balance).map(Some)
}

/// Moves an amount between a bank's own ledger account and a customer's; a negative one the other way.
fn move_balance(
    book: &mut Book,
    caller: Caller,
    kind: TransferKind,
    (from, to): (LedgerId, LedgerId),
    amount: i64,
) -> Result<Option<Done>, Refusal> {
    if amount == 0 {
        return Ok(None);
    }
    let (from, to) = if amount > 0 { (from, to) } else { (to, from) };
    let amount =
        amount.checked_abs().and_then(|minor| Amount::try_new(minor).ok()).ok_or(Refusal::BalanceOutOfRange)?;
    let (debited, credited) = (book.account(from)?, book.account(to)?);
    let changes = both_sides(from, to, amount.minor(), 0);
    let now = book.time_of(&changes);
    let transfer = Transfer::posted(kind, (debited, credited), amount, now, caller.user_id);
    let entries = book.post(Some(transfer.id), &changes)?;
    done(book, transfer, None, entries).map(Some)
}
