//! The event of each effect on money.

use shared_events::EventId;
use shared_events::events::{
    Transfer as Facts, TransferCaptured, TransferExpired, TransferHeld, TransferPosted, TransferReversed, TransferSide,
    TransferVoided,
};

use crate::domain::ledger::{
    Amount, Done, LedgerAccount, LedgerKind, Transfer, TransferId, TransferKind, TransferStatus,
};
use crate::store::PendingEvent;

/// The event of an effect; a batch has one for each.
pub(crate) fn event_of(id: EventId, done: &Done) -> PendingEvent {
    named(id, done).counted_as([done.transfer.kind.as_str(), result_of(&done.transfer)])
}

/// The result of a transfer, in a word.
fn result_of(transfer: &Transfer) -> &'static str {
    // A capture is posted itself, and names its hold.
    if transfer.hold_id.is_some() { "captured" } else { transfer.status.as_str() }
}

fn named(id: EventId, done: &Done) -> PendingEvent {
    let facts = facts(done);
    match (done.transfer.status, done.transfer.kind) {
        (TransferStatus::Held, _) => PendingEvent::with_id(id, &TransferHeld(facts)),
        (TransferStatus::Voided, _) => PendingEvent::with_id(id, &TransferVoided(facts)),
        (TransferStatus::Expired, _) => PendingEvent::with_id(id, &TransferExpired(facts)),
        (_, TransferKind::Reversal) => PendingEvent::with_id(id, &TransferReversed(facts)),
        _ if done.transfer.hold_id.is_some() => PendingEvent::with_id(id, &TransferCaptured(facts)),
        _ => PendingEvent::with_id(id, &TransferPosted(facts)),
    }
}

fn facts(done: &Done) -> Facts {
    let transfer = &done.transfer;
    Facts {
        id: transfer.id.uuid(),
        from: side(&done.from),
        to: side(&done.to),
        amount: transfer.amount.minor(),
        currency: transfer.currency,
        kind: transfer.kind.as_str().to_owned(),
        status: transfer.status.as_str().to_owned(),
        reference: transfer.text.reference.clone(),
        description: transfer.text.description.clone(),
        captured_amount: transfer.captured_amount.map(Amount::minor),
        hold_id: transfer.hold_id.map(TransferId::uuid),
        reverses_id: transfer.reverses_id.map(TransferId::uuid),
        posted_at: transfer.posted_at,
        expires_at: transfer.expires_at,
    }
}

fn side(account: &LedgerAccount) -> TransferSide {
    TransferSide {
        account_id: account.id.account(),
        card_id: account.id.card(),
        bank_id: (!account.kind.is_customers()).then_some(account.bank_id),
        system: match account.kind {
            LedgerKind::System(system) => Some(system.as_str().to_owned()),
            LedgerKind::Account | LedgerKind::Card => None,
        },
        user_id: account.user_id,
        balance_after: account.balance,
        held_after: account.held,
        seq: account.seq,
    }
}
