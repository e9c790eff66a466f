//! Finds the owner of an item, even of a deleted one.
//!
//! A card names its account, an account its client, a client its user. A deleted parent is no longer in the tables, but its own
//! deletion is among the changes that were read with the child's: deleting a parent and its children is one transaction. An item
//! whose owner cannot be found has none.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::Value;
use shared_events::UserId;

use crate::domain::change::{Change, Channel};
use crate::store::schema::{accounts, clients};
use crate::store::{Db, StoreError};

fn number(item: &Value, name: &str) -> Option<i64> {
    item.get(name).and_then(Value::as_i64)
}

/// Sets the owner of each change.
pub(super) fn resolve(db: &mut Db, changes: &mut [Change]) -> Result<(), StoreError> {
    let mut client_of: HashMap<i64, i64> = HashMap::new();
    let mut user_of: HashMap<i64, i64> = HashMap::new();
    for change in changes.iter() {
        let Some(id) = number(&change.item, "id") else { continue };
        match change.channel {
            Channel::Account => drop(number(&change.item, "client_id").map(|client| client_of.insert(id, client))),
            Channel::Client => drop(number(&change.item, "user_id").map(|user| user_of.insert(id, user))),
            _ => {}
        }
    }
    let wanted = |channel, name: &'static str| {
        changes.iter().filter(move |change| change.channel == channel).filter_map(move |c| number(&c.item, name))
    };
    // The tables are newer than the events, so their owners win.
    let wanted_ids: HashSet<i64> = wanted(Channel::Card, "account_id").chain(wanted(Channel::Account, "id")).collect();
    let wanted_ids: Vec<i64> = wanted_ids.into_iter().collect();
    let found: Vec<(i64, i64)> = accounts::table
        .filter(accounts::id.eq_any(&wanted_ids))
        .select((accounts::id, accounts::client_id))
        .load(db)?;
    client_of.extend(found);
    let wanted_ids: HashSet<i64> = client_of.values().copied().chain(wanted(Channel::Client, "id")).collect();
    let wanted_ids: Vec<i64> = wanted_ids.into_iter().collect();
    let found: Vec<(i64, i64)> =
        clients::table.filter(clients::id.eq_any(&wanted_ids)).select((clients::id, clients::user_id)).load(db)?;
    user_of.extend(found);
    for change in changes {
        let id = number(&change.item, "id");
        let client = match change.channel {
            Channel::Card => number(&change.item, "account_id").and_then(|account| client_of.get(&account).copied()),
            Channel::Account => id.and_then(|account| client_of.get(&account).copied()),
            Channel::Client => id,
            _ => None,
        };
        let user = match change.channel {
            Channel::User => id,
            Channel::LoginMethod | Channel::SecondFactor | Channel::RecoveryCode => number(&change.item, "user_id"),
            _ => client.and_then(|client| user_of.get(&client).copied()),
        };
        change.owner = user.and_then(|user| UserId::try_new(user).ok());
    }
    Ok(())
}
