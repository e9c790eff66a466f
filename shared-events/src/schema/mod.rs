//! JSON Schemas, golden files, the AsyncAPI 3 document and the table in the guide, generated from the types.
//!
//! The files are kept in the repository, so that a change of the wire shows in review; a test compares them.
//! `cargo run -p shared-events --example generate` rewrites them.

mod asyncapi;
mod table;
mod types;

use std::collections::BTreeMap;

pub use asyncapi::asyncapi;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
pub use table::table;

use crate::catalog;
use crate::envelope::{Body, Envelope};
use crate::events::{EventSpec, example_id};
use crate::ids::EventId;
use crate::routing::{ACK_QUEUE, EventType};
use crate::wire::{SCHEMA_PREFIX, WireMessage};

const META_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

impl EventSpec {
    /// JSON Schema of the event's `data`, as it is published.
    pub fn data_schema(&self) -> Value {
        (self.documented.schema)()
    }

    /// A complete event that never changes: the golden file is its wire form.
    pub fn example(&self) -> Result<Envelope, serde_json::Error> {
        let (message, data) = (self.documented.example)()?;
        let happened = DateTime::<Utc>::from_timestamp(1_737_047_426, 0).unwrap_or_default();
        let bank_event = EventId(uuid::Uuid::from_u128(0x0194_7018_43d0_7000_8000_0000_0000_0001));
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let is_reply = self.is_reply();
        Ok(Envelope {
            id: if is_reply { bank_event.derive(self.event_type) } else { bank_event },
            event_type: EventType::known(self.event_type),
            source: format!("urn:{}", self.publisher()),
            correlation_id: Some("req-7f3a".to_owned()),
            traceparent: (!is_reply).then(|| traceparent.to_owned()),
            reply_to: self.is_confirmed().then(|| ACK_QUEUE.to_owned()),
            body: Body { user_id: (!is_reply).then(|| example_id(1)), date: happened, message, data },
        })
    }
}

/// All generated files of this crate by their path in it.
pub fn files() -> Result<BTreeMap<String, String>, serde_json::Error> {
    let mut files = BTreeMap::from([("asyncapi.json".to_owned(), pretty(&asyncapi()?)?)]);
    for entry in catalog::all() {
        let kind = entry.event_type;
        files.insert(format!("schemas/{kind}.json"), pretty(&schema(entry))?);
        let golden = serde_json::to_string_pretty(&WireMessage::encode(&entry.example()?)?)?;
        files.insert(format!("golden/{kind}.json"), golden + "\n");
    }
    Ok(files)
}

/// The schema of an event's message body, as a document of its own.
pub fn schema(entry: &EventSpec) -> Value {
    let mut schema = body_schema(entry);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), META_SCHEMA.into());
        object.insert("$id".to_owned(), format!("{SCHEMA_PREFIX}{}", entry.event_type).into());
    }
    schema
}

/// The schema of an event's message body. It has exactly four keys; `data` may gain fields.
pub(crate) fn body_schema(entry: &EventSpec) -> Value {
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
