//! The entity that an event is about: the events of one entity are published one after another.

use serde::Deserialize;
use shared_events::WireMessage;

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
    id: Option<i64>,
    user_id: Option<i64>,
}

impl Entity {
    /// None for events about no entity, such as a request for a mail: they have no order to keep.
    pub(super) fn of(message: &WireMessage) -> Option<Self> {
        let (kind, _) = message.routing_key.rsplit_once('.')?;
        let Data { id, user_id } = serde_json::from_slice::<Body>(&message.body).ok()?.data;
        let id = if kind == "security" { user_id } else { id };
        Some(Self { kind: kind.to_owned(), id: id? })
    }
}

#[cfg(test)]
mod tests {
    use shared_events::wire::Properties;

    use super::*;

    fn entity(routing_key: &str, data: &str) -> Option<(String, i64)> {
        let body = format!(r#"{{"user_id":1,"date":"2026-01-16T17:10:26","message":"m","data":{data}}}"#);
        let message = WireMessage {
            routing_key: routing_key.to_owned(),
            properties: Properties::default(),
            headers: std::collections::BTreeMap::new(),
            body: body.into_bytes(),
        };
        Entity::of(&message).map(|entity| (entity.kind, entity.id))
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
