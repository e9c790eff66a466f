//! Events with two sides, such as a transfer: a side's owner may see its own half, and of the other one only which it is.
//!
//! The rule has its home here, so that the log and the live changes show the same.

use serde_json::Value;

use crate::ids::UserId;

/// The entity of these events.
const ENTITY: &str = "transfer";
/// The fields of the data that hold a side.
const SIDES: [&str; 2] = ["from", "to"];
/// The fields that say which side it is. All others are its owner's, also those of a later release.
const IDENTITY: [&str; 4] = ["account_id", "card_id", "bank_id", "system"];

/// Whether the events of a type have sides: all of the entity have, whatever release they are of.
pub fn has_sides(event_type: &str) -> bool {
    event_type.split('.').next() == Some(ENTITY)
}

/// The users who own a side of an event with sides, each once. A bank's own side is nobody's.
pub fn owners(data: &Value) -> Vec<UserId> {
    let mut owners: Vec<UserId> = SIDES.iter().filter_map(|side| owner(data.get(side)?)).collect();
    owners.dedup();
    owners
}

fn owner(side: &Value) -> Option<UserId> {
    side.get("user_id").and_then(Value::as_i64).and_then(|id| UserId::try_new(id).ok())
}

/// The data of an event with sides as this user may see it; without a user, what everybody may who sees the event.
#[must_use]
pub fn shown_to(data: &Value, user: Option<UserId>) -> Value {
    let mut shown = data.clone();
    for name in SIDES {
        let Some(side) = shown.get_mut(name) else { continue };
        let is_own = user.is_some() && owner(side) == user;
        if !is_own && let Some(fields) = side.as_object_mut() {
            fields.retain(|field, _| IDENTITY.contains(&field.as_str()));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog;
    use crate::events::{Event as _, TransferPosted};

    fn user(id: i64) -> UserId {
        UserId::try_new(id).unwrap()
    }

    #[test]
    fn each_owner_sees_its_own_half_and_anybody_else_neither() {
        let data = serde_json::to_value(TransferPosted::example()).unwrap();
        assert_eq!(owners(&data), [user(1), user(2)]);
        let identity = |account: i64| json!({"account_id": account});
        for (viewer, from, to) in [
            (Some(user(1)), data["from"].clone(), identity(2)),
            (Some(user(2)), identity(1), data["to"].clone()),
            (Some(user(3)), identity(1), identity(2)),
            (None, identity(1), identity(2)),
        ] {
            let mut expected = data.clone();
            expected["from"] = from;
            expected["to"] = to;
            assert_eq!(shown_to(&data, viewer), expected, "{viewer:?}");
        }
    }

    #[test]
    fn an_owner_of_both_sides_sees_both_and_is_named_once() {
        let side = |card: i64| json!({"card_id": card, "user_id": 7, "balance_after": 5, "held_after": 0, "seq": 1});
        let data = json!({"from": side(1), "to": side(2)});
        assert_eq!(owners(&data), [user(7)]);
        assert_eq!(shown_to(&data, Some(user(7))), data);
    }

    #[test]
    fn what_a_bank_has_is_shown_to_no_user() {
        let data = json!({
            "from": {"bank_id": 1, "system": "cash", "user_id": null, "balance_after": -5, "held_after": 0, "seq": 9},
            "to": {"account_id": 7, "user_id": 7, "balance_after": 5, "held_after": 0, "seq": 1},
        });
        assert_eq!(owners(&data), [user(7)]);
        let shown = shown_to(&data, Some(user(7)));
        assert_eq!((&shown["from"], &shown["to"]), (&json!({"bank_id": 1, "system": "cash"}), &data["to"]));
    }

    #[test]
    fn a_field_that_is_not_known_belongs_to_the_owner() {
        let data = json!({"from": {"account_id": 1, "user_id": 1, "limit_after": 5}, "to": {}});
        assert_eq!(shown_to(&data, Some(user(2)))["from"], json!({"account_id": 1}));
    }

    #[test]
    fn data_of_another_shape_has_no_owner_and_stays() {
        for data in [json!(null), json!([1]), json!({"from": "Lisbon", "to": 4, "id": 1}), json!({"from": {}})] {
            assert!(owners(&data).is_empty(), "{data}");
            assert_eq!(shown_to(&data, None), data);
        }
        for id in [json!(0), json!(-1), json!("1"), json!(1.5), json!(u64::MAX)] {
            assert!(owners(&json!({"from": {"user_id": id}})).is_empty(), "{id}");
        }
    }

    #[test]
    fn every_event_of_a_transfer_has_sides_and_no_other() {
        for spec in catalog::all() {
            assert_eq!(has_sides(spec.event_type), spec.event_type.starts_with("transfer."), "{}", spec.event_type);
        }
        assert!(has_sides("transfer.of_a_later_release") && !has_sides("transfers.posted") && !has_sides(""));
    }
}
