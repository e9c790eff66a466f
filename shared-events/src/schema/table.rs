//! The table of events in the guide, in Markdown.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::catalog;
use crate::events::EventSpec;

/// One row per event: type, meaning, the fields of its data, publisher and listeners.
pub fn table() -> Result<String, fmt::Error> {
    let mut table = String::from("| event | when | data | from | to |\n|---|---|---|---|---|\n");
    for entry in catalog::all() {
        let reply = if entry.is_confirmed() { " (`reply_to`)" } else { "" };
        writeln!(
            table,
            "| [`{kind}`](../../shared-events/schemas/{kind}.json){reply} | {about} | {data} | {publisher} | {listeners} |",
            kind = entry.event_type,
            about = entry.about,
            data = fields(entry),
            publisher = entry.publisher(),
            listeners = entry.listeners().join(", "),
        )?;
    }
    Ok(table)
}

fn fields(entry: &EventSpec) -> String {
    let schema = entry.data_schema();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return String::new() };
    let fields: Vec<String> =
        properties.iter().map(|(name, schema)| format!("`{name}` {}", type_name(schema))).collect();
    fields.join(", ")
}

/// A field's type in a word; alternatives joined by "or".
fn type_name(schema: &Value) -> String {
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    if let Some(alternatives) = alternatives {
        return alternatives.iter().map(type_name).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}
