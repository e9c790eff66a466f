//! Hides the parts of a message that operators must not see.
//!
//! Requests for mails and text messages contain links, codes and numbers: their parameters are never shown, and neither is the
//! body of an unreadable message, unless its routing key shows that it is of another kind.

use serde_json::{Value, json};
use shared_events::{WireMessage, catalog};

/// The replacement for hidden values.
pub const HIDDEN: &str = "[hidden]";
/// How many characters of a body that is not JSON are shown.
const SHOWN_TEXT: usize = 2000;

/// A message's body for an operator: JSON without secrets, or the beginning of its text.
pub fn body_of(message: &WireMessage) -> Value {
    let secret = is_secret(message);
    match serde_json::from_slice::<Value>(&message.body) {
        Ok(mut body) => {
            if secret {
                hide(&mut body);
            }
            body
        }
        Err(_) if secret => json!(HIDDEN),
        Err(_) => json!(String::from_utf8_lossy(&message.body).chars().take(SHOWN_TEXT).collect::<String>()),
    }
}

/// The facts of an event for an operator.
pub fn data_of(event_type: &str, data: &Value) -> Value {
    if catalog::is_private(event_type) { facts(data) } else { data.clone() }
}

/// Checks every name of the message's kind; a message without a valid one counts as secret.
fn is_secret(message: &WireMessage) -> bool {
    let kinds = [message.properties.kind.as_deref(), message.headers.get("cloudEvents_type").map(String::as_str)];
    let named = kinds.into_iter().flatten().chain([message.routing_key.as_str()]);
    named.into_iter().any(catalog::is_private) || !message.routing_key.contains('.')
}

/// Of the four keys only `data` contains facts; any other key is hidden whole.
fn hide(body: &mut Value) {
    let Value::Object(fields) = body else {
        *body = json!(HIDDEN);
        return;
    };
    for (name, value) in fields {
        match name.as_str() {
            "user_id" | "date" | "message" => {}
            "data" => *value = facts(value),
            _ => *value = json!(HIDDEN),
        }
    }
}

fn facts(data: &Value) -> Value {
    let Value::Object(fields) = data else { return json!(HIDDEN) };
    let shown = fields.iter().map(|(name, value)| {
        let shown = match value {
            _ if catalog::is_shown(name) => value.clone(),
            Value::String(text) if name == "to" => json!(masked(text)),
            // The names of parameters are useful to operators, only their values are secret.
            Value::Object(params) => params.keys().map(|key| (key.clone(), json!(HIDDEN))).collect(),
            _ => json!(HIDDEN),
        };
        (name.clone(), shown)
    });
    Value::Object(shown.collect())
}

/// Masks an address as `j***@example.com`; a number arrives masked.
fn masked(to: &str) -> String {
    match to.split_once('@') {
        Some((local, domain)) => format!("{}***@{domain}", local.chars().next().unwrap_or('*')),
        None if to.contains('*') => to.to_owned(),
        None => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared_events::wire::Properties;

    use super::*;

    fn message(routing_key: &str, body: &str) -> WireMessage {
        let properties = Properties::default();
        WireMessage { routing_key: routing_key.to_owned(), properties, headers: BTreeMap::new(), body: body.into() }
    }

    #[test]
    fn a_requested_mail_shows_its_template_and_no_parameter() {
        let body = r#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m",
            "data":{"template":"reset-password","to":"jane@x.y","params":{"link":"https://b/?token=s3cret","s":"s3cret"}}}"#;
        let shown = body_of(&message("email.requested", body));
        assert_eq!(shown["data"]["template"], "reset-password");
        assert_eq!(shown["data"]["to"], "j***@x.y");
        assert_eq!(shown["data"]["params"], json!({"link": HIDDEN, "s": HIDDEN}));
        assert!(!shown.to_string().contains("s3cret"));
    }

    #[test]
    fn no_spelling_lets_a_secret_out() {
        for (key, body) in [
            ("email.requested", "{\"data\":{\"params\":{\"link\":\"s3cret\""),
            ("email.requested", "[\"s3cret\"]"),
            ("email.requested", r#"{"data":"s3cret"}"#),
            ("email.requested", r#"{"data":{"params":["s3cret"],"to":"s3cret","more":{"a":{"b":"s3cret"}}}}"#),
            ("email.requested", r#"{"params":{"link":"s3cret"}}"#),
            ("sms.requested", r#"{"data":{"sealed":"s3cret"}}"#),
            ("EMAIL.requested", r#"{"data":{"params":"s3cret"}}"#),
            ("bank-service", "s3cret"),
        ] {
            assert!(!body_of(&message(key, body)).to_string().contains("s3cret"), "{key} {body}");
        }
        let mut renamed = message("card.created", r#"{"data":{"params":"s3cret"}}"#);
        renamed.properties.kind = Some("email.requested".to_owned());
        assert!(!body_of(&renamed).to_string().contains("s3cret"));
    }

    #[test]
    fn other_events_and_broken_ones_are_shown_as_they_are() {
        assert_eq!(body_of(&message("card.created", r#"{"data":{"id":1}}"#)), json!({"data": {"id": 1}}));
        assert_eq!(body_of(&message("card.created", "{not JSON")), json!("{not JSON"));
    }
}
