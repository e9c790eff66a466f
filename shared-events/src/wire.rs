//! The wire form of an event: message properties, CloudEvents headers and the four-key body, without any broker's types.
//!
//! Writing never fails for a valid event. Reading is strict about the parts that are present (the body is exactly its four
//! keys, ids and types are well-formed) and lenient about missing ones: a message without properties and headers is an event,
//! too. Limits: a body of 1 MiB, JSON of 127 levels. No error text repeats values of a body.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::date;
use crate::envelope::{Body, Envelope};
use crate::ids::EventId;
use crate::routing::EventType;

/// A body larger than this is refused before it is parsed.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// A URN that names an event's schema; the `cloudEvents_dataschema` header carries it.
pub(crate) const SCHEMA_PREFIX: &str = "urn:shared-events:schema:";
const CONTENT_TYPE: &str = "application/json";
const SPEC_VERSION: &str = "1.0";
/// Some languages write one before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Milliseconds after `cloudEvents_time` at which a message is of no use any more. Not the AMQP property `expiration`: the
/// broker would turn such a message into a dead letter.
pub const EXPIRES_MS: &str = "x-expires-ms";
/// The id of the request that caused an event whose `correlation_id` is taken by its confirmation.
pub const REQUEST_ID: &str = "x-request-id";

/// Text of other programs in an error message is cut to this many characters.
const MAX_QUOTE: usize = 64;

/// A message as a transport carries it. `properties` are AMQP 0-9-1 basic properties by their standard names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireMessage {
    pub routing_key: String,
    pub properties: Properties,
    pub headers: BTreeMap<String, String>,
    #[serde(with = "body_text")]
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    pub message_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub content_type: Option<String>,
    /// 2 = persistent.
    pub delivery_mode: Option<u8>,
    pub correlation_id: Option<String>,
    pub reply_to: Option<String>,
    /// Milliseconds after which the broker may drop the message. Our own messages have the header `x-expires-ms` instead.
    pub expiration: Option<String>,
}

/// Why a message is not an event. Such a message is poison: it is never retried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the body has {size} bytes, more than the {MAX_BODY_BYTES} allowed")]
    TooLarge { size: usize },
    #[error("the body is not an object of user_id, date, message and data: {reason}")]
    Body { reason: String },
    #[error("the event type {value:?} is not of the form <entity>.<past verb>")]
    EventType { value: String },
    #[error("the message id {value:?} is not a UUID")]
    MessageId { value: String },
}

impl WireMessage {
    /// Writes an envelope as a message to the topic exchange.
    pub fn encode(envelope: &Envelope) -> Result<Self, serde_json::Error> {
        let id = envelope.id.to_string();
        let kind = envelope.event_type.as_str().to_owned();
        let mut headers = BTreeMap::from([
            ("cloudEvents_id".to_owned(), id.clone()),
            ("cloudEvents_type".to_owned(), kind.clone()),
            ("cloudEvents_source".to_owned(), envelope.source.clone()),
            ("cloudEvents_specversion".to_owned(), SPEC_VERSION.to_owned()),
            ("cloudEvents_time".to_owned(), format!("{}Z", date::format(&envelope.body.date))),
            ("cloudEvents_dataschema".to_owned(), format!("{SCHEMA_PREFIX}{kind}")),
        ]);
        if let Some(user) = envelope.body.user_id {
            headers.insert("cloudEvents_subject".to_owned(), user.to_string());
        }
        if let Some(traceparent) = &envelope.traceparent {
            headers.insert("traceparent".to_owned(), traceparent.clone());
        }
        if let Some(ms) = catalog::find(&kind).and_then(|spec| spec.handling.expires_ms) {
            headers.insert(EXPIRES_MS.to_owned(), ms.to_string());
        }
        // A confirmation that carries only the correlation id, as replies do, is matched by it.
        let correlation_id = if envelope.reply_to.is_some() {
            if let Some(request) = &envelope.correlation_id {
                headers.insert(REQUEST_ID.to_owned(), request.clone());
            }
            Some(id.clone())
        } else {
            envelope.correlation_id.clone()
        };
        Ok(Self {
            routing_key: kind.clone(),
            properties: Properties {
                message_id: Some(id),
                kind: Some(kind),
                content_type: Some(CONTENT_TYPE.to_owned()),
                delivery_mode: Some(2),
                correlation_id,
                reply_to: envelope.reply_to.clone(),
                expiration: None,
            },
            headers,
            body: serde_json::to_vec(&envelope.body)?,
        })
    }

    /// Reads a message. One that has only the four-key body is accepted too: its type is the routing key, its id is derived
    /// from its content.
    pub fn decode(&self) -> Result<Envelope, DecodeError> {
        if self.body.len() > MAX_BODY_BYTES {
            return Err(DecodeError::TooLarge { size: self.body.len() });
        }
        let json = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
        // `serde` reads an array as the fields in their order.
        if json.trim_ascii_start().starts_with(b"[") {
            return Err(DecodeError::Body { reason: "invalid type, expected an object".to_owned() });
        }
        let body: Body = serde_json::from_slice::<StrictBody>(json)
            .map_err(|error| DecodeError::Body { reason: describe_json_error(&error) })?
            .into();
        let id = self.event_id()?;
        // Where a confirmation is requested, the correlation id is the event's own, and the request's is a header.
        let own = |given: &&String| self.properties.reply_to.is_none() || **given != id.to_string();
        let correlation_id = self.properties.correlation_id.as_ref().filter(own);
        Ok(Envelope {
            id,
            event_type: self.event_type()?,
            source: self.headers.get("cloudEvents_source").cloned().unwrap_or_else(|| "urn:unknown".to_owned()),
            correlation_id: self.headers.get(REQUEST_ID).or(correlation_id).cloned(),
            traceparent: self.headers.get("traceparent").cloned(),
            reply_to: self.properties.reply_to.clone(),
            body,
        })
    }

    /// The event's id: `message_id`, else `cloudEvents_id`, else derived from the content.
    pub fn event_id(&self) -> Result<EventId, DecodeError> {
        let given = self.properties.message_id.as_ref().or_else(|| self.headers.get("cloudEvents_id"));
        match given {
            Some(text) => text.parse().map_err(|_| DecodeError::MessageId { value: clip(text) }),
            None => Ok(EventId::from_content(&self.routing_key, &self.body)),
        }
    }

    /// When the event happened; `None` if the message has no time, or an id that cannot be read.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        let date = date::parse(self.headers.get("cloudEvents_time")?)?;
        Some(self.event_id().ok()?.occurred_at(date))
    }

    /// When the message stops being of use; `None` if it does not expire or has no time.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let ms: u32 = self.headers.get(EXPIRES_MS).or(self.properties.expiration.as_ref())?.parse().ok()?;
        let published = date::parse(self.headers.get("cloudEvents_time")?)?;
        published.checked_add_signed(TimeDelta::milliseconds(i64::from(ms)))
    }

    /// Removes the secrets of the message (links, codes), so that it can be kept and shown; true if it is of a kind that holds
    /// any. The rest can still be read as the event, but cannot be acted on.
    pub fn remove_secrets(&mut self) -> bool {
        let kinds = [self.properties.kind.as_ref(), self.headers.get("cloudEvents_type"), Some(&self.routing_key)];
        let mut secrets = catalog::all().filter_map(|spec| Some((spec.event_type, spec.secret_field()?)));
        let found = secrets.find(|(secret, _)| kinds.iter().flatten().any(|kind| kind == secret));
        let Some((_, key)) = found else { return false };
        let redacted = serde_json::from_slice::<serde_json::Value>(&self.body).ok().and_then(|mut body| {
            let data = body.get_mut("data")?.as_object_mut()?;
            if let Some(secret) = data.get_mut(key) {
                *secret = if secret.is_object() { serde_json::json!({}) } else { "".into() };
            }
            serde_json::to_vec(&body).ok()
        });
        // An unreadable body may hold anything.
        self.body = redacted.unwrap_or_default();
        true
    }

    fn event_type(&self) -> Result<EventType, DecodeError> {
        let given = self.properties.kind.as_ref().or_else(|| self.headers.get("cloudEvents_type"));
        let text = given.unwrap_or(&self.routing_key);
        text.parse().map_err(|_| DecodeError::EventType { value: clip(text) })
    }
}

/// The body for reading: a fifth key is a different contract, so it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct StrictBody {
    #[serde(deserialize_with = "required_nullable")]
    user_id: Option<crate::ids::UserId>,
    #[serde(with = "crate::date")]
    date: DateTime<Utc>,
    message: String,
    data: serde_json::Value,
}

/// `user_id` may be null, but not missing.
fn required_nullable<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<crate::ids::UserId>, D::Error> {
    Option::deserialize(d)
}

impl From<StrictBody> for Body {
    fn from(body: StrictBody) -> Self {
        Self { user_id: body.user_id, date: body.date, message: body.message, data: body.data }
    }
}

/// Whether messages of this type hold a secret.
pub fn holds_secret(event_type: &str) -> bool {
    catalog::find(event_type).is_some_and(|spec| spec.secret_field().is_some())
}

/// The fault in a JSON text, without the values in it, which may be private: errors of `serde_json` quote them.
pub fn describe_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position =
        if error.line() == 0 { String::new() } else { format!(" at line {} column {}", error.line(), error.column()) };
    if !["invalid type", "invalid value", "invalid length"].iter().any(|quoting| text.starts_with(quoting)) {
        return text.chars().filter(|c| !c.is_control()).take(3 * MAX_QUOTE).collect();
    }
    // "invalid type: string \"…\", expected i64 at line 1 column 2": the expected type is ours, the found value is not.
    let fault = text.split(':').next().unwrap_or_default();
    let expected = text.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
    let expected = expected.split(" at line ").next().unwrap_or_default();
    format!("{fault}, expected {expected}{position}")
}

/// Text of another program in an error message: short, and without control characters.
fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_QUOTE).collect()
}

/// The body as text in JSON forms of a message (golden files, dead letters); other bytes as `base16:` and hex digits.
mod body_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    const HEX_PREFIX: &str = "base16:";

    pub(super) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(body) {
            Ok(text) if !text.starts_with(HEX_PREFIX) => serializer.serialize_str(text),
            _ => {
                let digits: String = body
                    .iter()
                    .flat_map(|byte| [byte >> 4, byte & 15])
                    .filter_map(|digit| char::from_digit(u32::from(digit), 16))
                    .collect();
                serializer.serialize_str(&format!("{HEX_PREFIX}{digits}"))
            }
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Some(digits) = text.strip_prefix(HEX_PREFIX) else { return Ok(text.into_bytes()) };
        let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        digits
            .as_bytes()
            .chunks(2)
            .map(pair)
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| D::Error::custom("bad base16 body"))
    }
}
