//! Finds the owner of an item, even of a deleted one, and what may be spent of a balance.
//!
//! An account or a card has its owner in its ledger account, which outlives it; a client names its user. An item whose owner cannot
//! be found has none.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::Value;
use shared_events::{AccountId, CardId, UserId};

use crate::domain::change::{Change, Channel, ItemChange};
use crate::domain::ledger::{LedgerId, shown_available};
use crate::store::schema::ledger_accounts;
use crate::store::{Db, StoreError};

/// The owner of a ledger account, and its lowest balance.
type Ledger = (Option<i64>, i64);

fn number(item: &Value, name: &str) -> Option<i64> {
    item.get(name).and_then(Value::as_i64)
}

/// The ledger account of an account or a card.
fn ledger_id(change: &ItemChange) -> Option<i64> {
    let id = number(&change.item, "id")?;
    match change.channel {
        Channel::Account => AccountId::try_new(id).ok().map(LedgerId::of_account),
        Channel::Card => CardId::try_new(id).ok().map(LedgerId::of_card),
        _ => None,
    }
    .map(LedgerId::get)
}

/// Sets the owner of each item, and of a balance what may be spent.
pub(super) fn resolve(db: &mut Db, changes: &mut [Change]) -> Result<(), StoreError> {
    let wanted: HashSet<i64> = changes.iter().flat_map(|change| &change.items).filter_map(ledger_id).collect();
    let wanted: Vec<i64> = wanted.into_iter().collect();
    let found: Vec<(i64, Ledger)> = ledger_accounts::table
        .filter(ledger_accounts::id.eq_any(&wanted))
        .select((ledger_accounts::id, (ledger_accounts::user_id, ledger_accounts::min_balance)))
        .load(db)?;
    let ledgers: HashMap<i64, Ledger> = found.into_iter().collect();
    for change in changes.iter_mut().flat_map(|change| &mut change.items) {
        let ledger = ledger_id(change).and_then(|id| ledgers.get(&id).copied());
        set_owner(change, ledger);
        if let Some((_, min_balance)) = ledger {
            set_available(change, min_balance);
        }
    }
    Ok(())
}

fn set_owner(change: &mut ItemChange, ledger: Option<Ledger>) {
    let user = match change.channel {
        // The event names both.
        Channel::Transfer => return,
        Channel::User => number(&change.item, "id"),
        Channel::Client | Channel::LoginMethod | Channel::SecondFactor | Channel::RecoveryCode => {
            number(&change.item, "user_id")
        }
        _ => ledger.and_then(|(user, _)| user),
    };
    change.owners = user.and_then(|user| UserId::try_new(user).ok()).into_iter().collect();
}

/// By the limit of the overdraft as it is now, which the event of a transfer does not have.
fn set_available(change: &mut ItemChange, min_balance: i64) {
    let (Some(balance), Some(held)) = (number(&change.item, "balance"), number(&change.item, "held")) else { return };
    if let Some(fields) = change.item.as_object_mut() {
        fields.insert("available".to_owned(), shown_available(balance, held, min_balance).into());
    }
}
