//! Giving money back.

use super::transferring::{both_sides, done};
use super::{Amount, Book, Caller, Done, LedgerId, Refusal, Text, Transfer, TransferId, TransferKind, TransferStatus};

/// Reverses a posted transfer, in whole or in part: the money goes from its receiver back to its sender. `closed` is the bank's
/// ledger account that takes what is due to a closed account.
pub fn reverse(
    book: &mut Book,
    caller: Caller,
    id: TransferId,
    amount: Option<Amount>,
    text: &Text,
    closed: Option<LedgerId>,
) -> Result<Done, Refusal> {
    let original = book.transfer(id).cloned().ok_or_else(|| caller.scope.missing("transfer"))?;
    if original.status != TransferStatus::Posted {
        return Err(Refusal::NotPosted);
    }
    if !original.kind.is_reversible() {
        return Err(Refusal::NotReversible);
    }
    let left = original.amount.minor().saturating_sub(original.reversed_amount);
    let amount = match amount {
        Some(amount) => amount,
        None => Amount::try_new(left).map_err(|_| Refusal::MoreThanLeft { left })?,
    };
    if amount.minor() > left {
        return Err(Refusal::MoreThanLeft { left });
    }
    let from = book.account(original.to)?;
    if from.is_closed() {
        return Err(Refusal::AccountClosed);
    }
    let from_name = from.holder.clone();
    let sender = book.account(original.from)?;
    let to = match closed {
        Some(closed) if sender.is_closed() => closed,
        None if sender.is_closed() => return Err(Refusal::AccountClosed),
        _ => original.from,
    };
    let to_name = book.account(to)?.holder.clone();
    let changes = both_sides(original.to, to, amount.minor(), 0);
    let (id, now) = (TransferId::new(), book.time_of(&changes));
    let entries = book.post(Some(id), &changes)?;
    let reversal = Transfer {
        id,
        from: original.to,
        to,
        amount,
        kind: TransferKind::Reversal,
        text: text.clone(),
        captured_amount: None,
        reversed_amount: 0,
        hold_id: None,
        reverses_id: Some(original.id),
        from_name,
        to_name,
        created_at: now,
        posted_at: Some(now),
        actor: caller.user_id,
        ..original.clone()
    };
    let reversed_amount = original.reversed_amount.saturating_add(amount.minor());
    let original = Transfer { reversed_amount, ..original };
    done(book, reversal, Some(original), entries)
}
