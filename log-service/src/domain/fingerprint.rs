//! The fingerprint of an entry's content, which distinguishes a repeated request from a different one with the same event id.
//!
//! It is computed from the content as received and stored beside it, so an admin's later edit does not turn a harmless
//! repetition into a conflict. It guards against mistakes, not against forgers: only trusted services write.

use serde_json::Value;
use uuid::Uuid;

use super::NewLogEntry;

/// 16 bytes over everything but the time of receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    fn of(entry: &NewLogEntry) -> Self {
        let user = entry.user_id.map(i64::from);
        let head = serde_json::json!([entry.event_type, entry.source, user, entry.date.timestamp(), entry.message]);
        let mut text = head.to_string();
        write_canonical(&entry.data, &mut text);
        Self(Uuid::new_v5(&entry.event_id.0, text.as_bytes()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl NewLogEntry {
    /// Distinguishes this entry's content from another's with the same event id; the time of receipt does not count.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }
}

/// JSON with the keys of every object in order, so that the same facts written in another order are the same content.
/// The depth is bounded by the JSON reader (127 levels).
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in fields {
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let mut out = String::new();
        write_canonical(&serde_json::from_str(text).unwrap(), &mut out);
        out
    }

    #[test]
    fn the_order_of_keys_does_not_count_and_everything_else_does() {
        assert_eq!(canonical(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#), canonical(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
        for other in [r#"{"a":2}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#] {
            assert_ne!(canonical(r#"{"a":1}"#), canonical(other), "{other}");
        }
    }
}
