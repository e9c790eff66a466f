//! The values of cells and JSON fields, read by the same rules.

use serde_json::Value;

/// Normalises a value: an empty one is none, `yes` and 1 are true, and one text may contain several roles.
pub(super) fn value_of(name: &str, value: Value) -> Option<Value> {
    let value = match (name, value) {
        ("is_active", Value::String(text)) => flag(&text),
        ("is_active", Value::Number(number)) => flag(&number.to_string()),
        ("roles", Value::Array(entries)) => roles(entries),
        ("roles", text @ Value::String(_)) => roles(vec![text]),
        (_, Value::String(text)) => Value::String(text.trim().to_owned()),
        (_, value) => value,
    };
    match &value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(entries) if entries.is_empty() => None,
        _ => Some(value),
    }
}

fn flag(text: &str) -> Value {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Value::Bool(true),
        "false" | "f" | "no" | "n" | "0" => Value::Bool(false),
        other => Value::String(other.to_owned()),
    }
}

fn roles(entries: Vec<Value>) -> Value {
    let names = entries.into_iter().flat_map(|entry| match entry {
        Value::String(text) => {
            let names = text.split([';', '|', ',', ' ']).map(str::trim).filter(|name| !name.is_empty());
            names.map(|name| Value::String(name.to_owned())).collect()
        }
        other => vec![other],
    });
    Value::Array(names.collect())
}
