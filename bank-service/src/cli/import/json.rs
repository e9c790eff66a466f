//! A JSON object as a row: its keys are read like column names, and its values like cells; and what of JSON is not whole.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use service_kit::http::fields::beyond_limits;

use super::header::{COLUMNS, column_name};
use super::values::value_of;

/// How many characters of an unknown key are repeated in a report.
const MAX_NAMED: usize = 40;

/// Unknown fields are left to the check of the row; a repeated field, in any spelling, is a fault here.
pub(super) fn object(line: &str) -> Result<Map<String, Value>, String> {
    let Members(members) = serde_json::from_str(line)
        .map_err(|error| beyond_limits(line, &error).unwrap_or("is not a JSON object").to_owned())?;
    let (mut object, mut seen) = (Map::new(), Vec::with_capacity(members.len()));
    for (key, value) in members {
        let name = column_name(&key);
        if seen.contains(&name) {
            return Err(format!("has {name:.MAX_NAMED$} twice"));
        }
        let value = if COLUMNS.contains(&name.as_str()) { value_of(&name, value) } else { Some(value) };
        if let Some(value) = value {
            object.insert(name.clone(), value);
        }
        seen.push(name);
    }
    Ok(object)
}

/// Whether a text is JSON, by the grammar alone.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a text ends within its JSON.
pub(super) fn is_cut(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// Whether a text is an object, but no user: it has no known key.
pub(super) fn is_no_user(text: &str) -> bool {
    object(text).is_ok_and(|object| !object.is_empty() && !object.keys().any(|name| COLUMNS.contains(&name.as_str())))
}

/// The members of an object in order, duplicate keys included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(line: &str) -> Result<Value, String> {
        object(line).map(Value::Object)
    }

    #[test]
    fn keys_and_values_are_read_as_columns_and_cells_are() {
        let line = r#"{" Customer ID ":1,"E-Mail":" a@example.com ","ROLES":["user; manager",""],"Is-Active":"No"}"#;
        let expected =
            json!({"customer_id": 1, "email": "a@example.com", "roles": ["user", "manager"], "is_active": false});
        assert_eq!(read(line), Ok(expected));
        assert_eq!(read(r#"{"roles":[],"language":"","country":null,"phone":""}"#), Ok(json!({"phone": ""})));
    }

    #[test]
    fn a_text_that_ends_within_its_json_is_cut_and_any_other_is_not() {
        let whole = r#"{"a":[1,{"b":"\u00e4"}],"c":null}"#;
        for (end, _) in whole.char_indices().skip(1) {
            let cut = &whole[..end];
            assert!(is_cut(cut) && !is_json(cut), "{cut}");
        }
        for (text, json) in [(whole, true), ("1", true), ("{\"a\":1e400}", true), ("not json", false), ("{}}", false)] {
            assert_eq!((is_cut(text), is_json(text)), (false, json), "{text}");
        }
    }

    #[test]
    fn an_object_without_any_known_key_is_no_user() {
        for (text, expected) in [
            (r#"{"users":[{"email":"a@example.com"}]}"#, true),
            (r#"{"E-Mail":"a@example.com","phone":""}"#, false),
            (r#"{"email":""}"#, false),
            ("[1]", false),
        ] {
            assert_eq!(is_no_user(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_a_fault_and_so_is_what_is_no_object() {
        for line in [r#"{"email":"a@example.com","email":""}"#, r#"{"email":1,"E-MAIL":1}"#] {
            assert_eq!(read(line), Err("has email twice".to_owned()), "{line}");
        }
        for line in ["[]", "1", "{", r#"{"a":1} {"a":1}"#] {
            assert_eq!(read(line), Err("is not a JSON object".to_owned()), "{line}");
        }
        assert!(read(r#"{"a":1e400}"#).unwrap_err().starts_with("holds a number beyond"));
    }
}
