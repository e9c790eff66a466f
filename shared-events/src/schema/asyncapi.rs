//! The AsyncAPI 3.0 document: a channel per routing key, the reply queue, and the senders and receivers of each.

use serde_json::{Map, Value, json};

use super::body_schema;
use crate::catalog;
use crate::events::EventSpec;
use crate::routing::{ACK_QUEUE, EXCHANGE};
use crate::wire::{EXPIRES_MS, REQUEST_ID, SCHEMA_PREFIX, WireMessage};

/// The version of the contract: it moves with additions, and with nothing else, since everything else is a new event.
const VERSION: &str = "1.0.0";
const AMQP_BINDING: &str = "0.3.0";

/// The document as JSON.
pub fn asyncapi() -> Result<Value, serde_json::Error> {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    channels.insert(ACK_QUEUE.to_owned(), reply_channel());
    for entry in catalog::all() {
        messages.insert(entry.event_type.to_owned(), message(entry)?);
        if !entry.is_reply() {
            channels.insert(entry.event_type.to_owned(), channel(entry));
        }
        for (name, operation) in operations_of(entry) {
            operations.insert(name, operation);
        }
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Bank events",
            "version": VERSION,
            "description": "The events that bank-service, email-service and log-service exchange. A body has exactly four \
                            keys; everything else travels beside it, as AMQP properties and CloudEvents 1.0 headers \
                            (binary content mode).",
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    }))
}

fn channel(entry: &EventSpec) -> Value {
    let kind = entry.event_type;
    json!({
        "address": kind,
        "description": entry.about,
        "messages": { kind: reference(&["components", "messages", kind]) },
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" },
            "bindingVersion": AMQP_BINDING,
        }},
    })
}

fn reply_channel() -> Value {
    let messages: Map<String, Value> =
        replies().map(|kind| (kind.to_owned(), reference(&["components", "messages", kind]))).collect();
    json!({
        "address": ACK_QUEUE,
        "description": "The queue that confirmations come back on: the reply_to of what they answer.",
        "messages": messages,
        "bindings": { "amqp": {
            "is": "queue",
            "queue": { "name": ACK_QUEUE, "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/" },
            "bindingVersion": AMQP_BINDING,
        }},
    })
}

/// The types of the confirmations.
fn replies() -> impl Iterator<Item = &'static str> {
    catalog::all().filter(|entry| entry.is_reply()).map(|entry| entry.event_type)
}

/// The operations of the event's sender and of each receiver.
fn operations_of(entry: &EventSpec) -> Vec<(String, Value)> {
    let kind = entry.event_type;
    let mut send = operation(entry, "send", entry.publisher());
    if let Some(object) = send.as_object_mut()
        && entry.is_confirmed()
    {
        let replies: Vec<Value> = replies().map(|reply| message_in(ACK_QUEUE, reply)).collect();
        let reply = json!({ "channel": reference(&["channels", ACK_QUEUE]), "messages": replies });
        object.insert("reply".to_owned(), reply);
    }
    let mut operations = vec![(format!("{}.send.{kind}", entry.publisher()), send)];
    for listener in entry.listeners() {
        operations.push((format!("{listener}.receive.{kind}"), operation(entry, "receive", listener)));
    }
    operations
}

fn operation(entry: &EventSpec, action: &str, service: &str) -> Value {
    let channel = if entry.is_reply() { ACK_QUEUE } else { entry.event_type };
    json!({
        "action": action,
        "channel": reference(&["channels", channel]),
        "messages": [message_in(channel, entry.event_type)],
        "tags": [{ "name": service }],
    })
}

fn message(entry: &EventSpec) -> Result<Value, serde_json::Error> {
    let wire = WireMessage::encode(&entry.example()?)?;
    let body: Value = serde_json::from_slice(&wire.body)?;
    let mut message = json!({
        "name": entry.event_type,
        "title": entry.event_type,
        "summary": entry.about,
        "contentType": "application/json",
        "headers": headers_schema(entry),
        "payload": body_schema(entry),
        "bindings": { "amqp": { "messageType": entry.event_type, "bindingVersion": AMQP_BINDING } },
        "examples": [{ "name": entry.event_type, "headers": wire.headers, "payload": body }],
    });
    if let Some(ms) = entry.handling.expires_ms
        && let Some(object) = message.as_object_mut()
    {
        let text = format!("Expires {} hours after it was published.", ms / 3_600_000);
        object.insert("description".to_owned(), text.into());
    }
    Ok(message)
}

/// The headers that our services send. A message without any is accepted, too.
fn headers_schema(entry: &EventSpec) -> Value {
    let kind = entry.event_type;
    let source = format!("urn:{}", entry.publisher());
    let mut schema = json!({
        "type": "object",
        "required": ["cloudEvents_id", "cloudEvents_type", "cloudEvents_source", "cloudEvents_specversion"],
        "properties": {
            "cloudEvents_id": {
                "description": "The event's id, also the message_id property: one per event, however often it is delivered.",
                "type": "string",
                "format": "uuid",
            },
            "cloudEvents_type": { "description": "The routing key, also the type property.", "const": kind },
            "cloudEvents_source": { "description": "Who published it.", "type": "string", "examples": [source] },
            "cloudEvents_specversion": { "const": "1.0" },
            "cloudEvents_time": { "description": "When it happened.", "type": "string", "format": "date-time" },
            "cloudEvents_subject": { "description": "The user id, if there is one.", "type": "string" },
            "cloudEvents_dataschema": { "const": format!("{SCHEMA_PREFIX}{kind}") },
            "traceparent": { "description": "W3C trace context.", "type": "string" },
        },
    });
    let mut further = Map::new();
    if let Some(ms) = entry.handling.expires_ms {
        let about = "Milliseconds after cloudEvents_time at which the message is of no use any more.";
        further.insert(EXPIRES_MS.to_owned(), json!({ "description": about, "const": ms.to_string() }));
    }
    if entry.is_confirmed() {
        let about = "The id of the request that caused the event; correlation_id is the event's own id.";
        further.insert(REQUEST_ID.to_owned(), json!({ "description": about, "type": "string" }));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.append(&mut further);
    }
    schema
}

fn reference(path: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", path.join("/")) })
}

fn message_in(channel: &str, kind: &str) -> Value {
    reference(&["channels", channel, "messages", kind])
}
