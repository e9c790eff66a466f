//! The entities that an event is about: the events of one entity are published one after another.

use serde::Deserialize;
use serde_json::Value;
use shared_events::{AccountId, CardId, WireMessage};

use crate::domain::ledger::LedgerId;

/// An entity by its kind and number: `card` 7. The audit trail has one sequence of events per user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Entity {
    kind: String,
    id: i64,
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: Option<Value>,
    user_id: Option<i64>,
    from: Option<Value>,
    to: Option<Value>,
}

impl Entity {
    /// The sides of a transfer that are customers'; the item or user of any other event. None for events about no entity, such as
    /// a request for a mail: they have no order to keep.
    pub(super) fn all_of(message: &WireMessage) -> Vec<Self> {
        let Some((kind, _)) = message.routing_key.rsplit_once('.') else { return Vec::new() };
        let Ok(Body { data }) = serde_json::from_slice::<Body>(&message.body) else { return Vec::new() };
        let of = |kind: &str, id: Option<i64>| id.map(|id| Self { kind: kind.to_owned(), id });
        match kind {
            "transfer" => {
                let sides = [data.from, data.to].into_iter().flatten();
                sides.filter_map(|side| of("balance", ledger_id(&side))).collect()
            }
            "security" => of(kind, data.user_id).into_iter().collect(),
            _ => of(kind, data.id.and_then(|id| id.as_i64())).into_iter().collect(),
        }
    }
}

/// The ledger account of a side.
fn ledger_id(side: &Value) -> Option<i64> {
    let number = |name| side.get(name).and_then(Value::as_i64);
    let account = number("account_id").and_then(|id| AccountId::try_new(id).ok()).map(LedgerId::of_account);
    let card = || number("card_id").and_then(|id| CardId::try_new(id).ok()).map(LedgerId::of_card);
    account.or_else(card).map(LedgerId::get)
}

#[cfg(test)]
mod tests {
    use shared_events::wire::Properties;

    use super::*;

    fn entities(routing_key: &str, data: &str) -> Vec<(String, i64)> {
        let body = format!(r#"{{"user_id":1,"date":"2026-01-16T17:10:26","message":"m","data":{data}}}"#);
        let message = WireMessage {
            routing_key: routing_key.to_owned(),
            properties: Properties::default(),
            headers: std::collections::BTreeMap::new(),
            body: body.into_bytes(),
        };
        Entity::all_of(&message).into_iter().map(|entity| (entity.kind, entity.id)).collect()
    }

    fn entity(routing_key: &str, data: &str) -> Option<(String, i64)> {
        entities(routing_key, data).pop()
    }

    #[test]
    fn a_transfer_is_about_both_of_its_sides_unless_one_is_a_banks() {
        let both = r#"{"id":"01980f3e-0c1a-7c3e-9f0a-3f6d2b1c8e55","from":{"account_id":3},"to":{"card_id":4}}"#;
        assert_eq!(entities("transfer.posted", both), [("balance".to_owned(), 6), ("balance".to_owned(), 9)]);
        let one = r#"{"id":"x","from":{"bank_id":1,"system":"cash"},"to":{"account_id":3}}"#;
        assert_eq!(entities("transfer.posted", one), [("balance".to_owned(), 6)]);
    }

    #[test]
    fn an_event_is_about_the_item_in_its_data_and_the_audit_trail_about_the_user() {
        assert_eq!(entity("card.created", r#"{"id":7,"account_id":3}"#), Some(("card".to_owned(), 7)));
        assert_eq!(
            entity("security.logged_out", r#"{"user_id":2,"session_id":"x"}"#),
            Some(("security".to_owned(), 2))
        );
        assert_eq!(entity("security.login_failed", r#"{"user_id":null}"#), None);
        assert_eq!(entity("email.requested", r#"{"template":"t","to":"a@example.com"}"#), None);
        assert_eq!(entity("sms.requested", r#"{"user_id":2}"#), None);
        assert_eq!(entity("card.created", r#"{"id":"seven"}"#), None);
    }
}
