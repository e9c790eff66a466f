//! JSON Schemas, golden files, the AsyncAPI 3 document and the table in the guide, generated from the types.
//!
//! The files are kept in the repository, so that a change of the wire shows in review; a test compares them.
//! `cargo run -p shared-events --example generate` rewrites them.

mod asyncapi;
mod table;
mod types;

use std::collections::BTreeMap;

pub use asyncapi::asyncapi;
use serde_json::{Value, json};
pub use table::table;

use crate::catalog::{EVENTS, Entry};
use crate::wire::{SCHEMA_PREFIX, WireMessage};

const META_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

/// All generated files of this crate by their path in it.
pub fn files() -> Result<BTreeMap<String, String>, serde_json::Error> {
    let mut files = BTreeMap::from([("asyncapi.json".to_owned(), pretty(&asyncapi()?)?)]);
    for entry in EVENTS {
        let kind = entry.event_type;
        files.insert(format!("schemas/{kind}.json"), pretty(&schema(entry))?);
        let golden = serde_json::to_string_pretty(&WireMessage::encode(&entry.example()?)?)?;
        files.insert(format!("golden/{kind}.json"), golden + "\n");
    }
    Ok(files)
}

/// The schema of an event's message body, as a document of its own.
pub fn schema(entry: &Entry) -> Value {
    let mut schema = body_schema(entry);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), META_SCHEMA.into());
        object.insert("$id".to_owned(), format!("{SCHEMA_PREFIX}{}", entry.event_type).into());
    }
    schema
}

/// The schema of an event's message body. It has exactly four keys; `data` may gain fields.
pub(crate) fn body_schema(entry: &Entry) -> Value {
    json!({
        "title": entry.event_type,
        "description": entry.about,
        "type": "object",
        "required": ["user_id", "date", "message", "data"],
        "additionalProperties": false,
        "properties": {
            "user_id": {
                "description": "Who caused the event; null where nobody was logged in.",
                "type": ["integer", "null"],
                "format": "int64",
                "minimum": 1,
            },
            "date": {
                "description": "When it happened, in UTC, without a zone designator.",
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$",
            },
            "message": { "description": "One line for people.", "type": "string" },
            "data": entry.data_schema(),
        },
    })
}

fn pretty(value: &Value) -> Result<String, serde_json::Error> {
    let mut value = value.clone();
    value.sort_all_objects();
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
