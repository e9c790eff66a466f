//! Converts between our messages and the broker's: properties, headers, and the headers of a message that waits or was given
//! up.
//!
//! Our own headers (`x-attempts` …) and the broker's (`x-death` …) are removed from a message on receipt, so that a message is
//! the same on every attempt. An expiry goes as the header `x-expires-ms`, not as the property: the broker would turn an
//! expired message into a dead letter, while it is simply of no use any more. A message of another program may hold anything:
//! headers that are no text become text, and everything beyond the bounds is left out.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use shared_events::WireMessage;
use shared_events::wire::{EXPIRES_MS, Properties};

use super::publish_batch::OutboundMessage;
use super::topology::short;
use crate::messaging::DeadLetter;
use crate::messaging::disposition::AttemptCounts;

const ATTEMPTS: &str = "x-attempts";
const PANICS: &str = "x-panics";
const POSTPONED: &str = "x-postponed";
const ORIGINAL_KEY: &str = "x-original-routing-key";
const DEAD_REASON: &str = "x-dead-reason";
const DEAD_AT: &str = "x-dead-at";
const DELIVERY_COUNT: &str = "x-delivery-count";
const DEATHS: &str = "x-death";
/// Headers that are not the message's own.
const OURS: &[&str] =
    &[ATTEMPTS, PANICS, POSTPONED, ORIGINAL_KEY, DEAD_REASON, DEAD_AT, DELIVERY_COUNT, "x-acquired-count"];
const BROKERS: &[&str] = &[DEATHS, "x-first-death-", "x-last-death-"];

/// All headers have to fit into one frame, and so do ours.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 4096;
const MAX_ALL_HEADERS_BYTES: usize = 32 * 1024;
const MAX_REASON_CHARS: usize = 1000;
const MAX_SHORT_BYTES: usize = 255;

/// A message as received, without the headers that the transport added.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) message: WireMessage,
    pub(super) counts: AttemptCounts,
    /// How often a consumer has returned it to the broker.
    pub(super) returned: u32,
    reason: Option<String>,
    died_at: Option<DateTime<Utc>>,
}

/// The headers that the transport adds to a message.
#[derive(Debug, Clone, Default)]
pub(super) struct RetryHeaders {
    pub(super) counts: AttemptCounts,
    pub(super) death: Option<(String, DateTime<Utc>)>,
}

/// A message to the exchange, which routes by its key.
pub(super) fn to_exchange(exchange: &str, message: WireMessage) -> OutboundMessage {
    outbound_message(short(exchange), &message.routing_key.clone(), message, &RetryHeaders::default())
}

/// A message to one queue, by way of the exchange that leads there (see `routes`).
pub(super) fn to_queue(
    exchange: &ShortString,
    queue: &str,
    message: WireMessage,
    retry_headers: &RetryHeaders,
) -> OutboundMessage {
    outbound_message(exchange.clone(), queue, message, retry_headers)
}

fn outbound_message(
    exchange: ShortString,
    routing_key: &str,
    message: WireMessage,
    retry_headers: &RetryHeaders,
) -> OutboundMessage {
    let WireMessage { routing_key: original, properties, headers, body } = message;
    let mut table = FieldTable::default();
    for (name, value) in bounded(headers.into_iter()) {
        put(&mut table, &name, text(value));
    }
    if original != routing_key {
        put(&mut table, ORIGINAL_KEY, text(original));
    }
    if let Some(expiration) = properties.expiration.clone()
        && !table.contains_key(EXPIRES_MS)
    {
        put(&mut table, EXPIRES_MS, text(expiration));
    }
    let AttemptCounts { attempts, panics, postponed } = retry_headers.counts;
    for (name, count) in [(ATTEMPTS, attempts), (PANICS, panics), (POSTPONED, postponed)] {
        if count > 0 {
            put(&mut table, name, AMQPValue::LongLongInt(count.into()));
        }
    }
    if let Some((reason, died_at)) = &retry_headers.death {
        put(&mut table, DEAD_REASON, text(reason.chars().take(MAX_REASON_CHARS).collect()));
        put(&mut table, DEAD_AT, text(died_at.to_rfc3339_opts(SecondsFormat::Micros, true)));
    }
    OutboundMessage { exchange, routing_key: short(routing_key), properties: to_properties(properties, table), body }
}

fn to_properties(properties: Properties, headers: FieldTable) -> BasicProperties {
    let mut basic = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(properties.delivery_mode.unwrap_or(2))
        .with_content_type(clip(properties.content_type.unwrap_or_else(|| "application/json".to_owned())));
    if let Some(id) = properties.message_id {
        basic = basic.with_message_id(clip(id));
    }
    if let Some(kind) = properties.kind {
        basic = basic.with_type(clip(kind));
    }
    if let Some(id) = properties.correlation_id {
        basic = basic.with_correlation_id(clip(id));
    }
    if let Some(queue) = properties.reply_to {
        basic = basic.with_reply_to(clip(queue));
    }
    basic
}

/// Reads a delivery of a queue, or of its queue of dead letters.
pub(super) fn receive(queue: &str, routing_key: &str, basic: &BasicProperties, body: Vec<u8>) -> Received {
    let empty = BTreeMap::new();
    let table = basic.headers().as_ref().map_or(&empty, FieldTable::inner);
    let header = |name: &str| table.get(name).and_then(to_text);
    let count = |name: &str| header(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let own = table.iter().filter(|(name, _)| is_own(name.as_str()));
    let headers = bounded(own.filter_map(|(name, value)| Some((name.to_string(), to_text(value)?)))).collect();
    let string = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);
    let properties = Properties {
        message_id: string(basic.message_id()),
        kind: string(basic.kind()),
        content_type: string(basic.content_type()),
        delivery_mode: *basic.delivery_mode(),
        correlation_id: string(basic.correlation_id()),
        reply_to: string(basic.reply_to()),
        expiration: string(basic.expiration()),
    };
    let death = Death::read(queue, table.get(DEATHS));
    let original = header(ORIGINAL_KEY).or(death.original_key).unwrap_or_else(|| routing_key.to_owned());
    let died_at = header(DEAD_AT).and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    Received {
        message: WireMessage { routing_key: original, properties, headers, body },
        counts: AttemptCounts { attempts: count(ATTEMPTS), panics: count(PANICS), postponed: count(POSTPONED) },
        returned: count(DELIVERY_COUNT),
        reason: header(DEAD_REASON).or(death.reason),
        died_at: died_at.map(|time| time.to_utc()).or(death.time),
    }
}

impl Received {
    /// The message as a dead letter of a queue; `now` stands for a missing time of death.
    pub(super) fn into_dead_letter(self, queue: &str, now: DateTime<Utc>) -> DeadLetter {
        DeadLetter {
            queue: queue.to_owned(),
            reason: self.reason.unwrap_or_else(|| "unknown".to_owned()),
            attempts: self.counts.attempts,
            died_at: self.died_at.unwrap_or(now),
            message: self.message,
        }
    }
}

/// The broker's record of a message that it moved itself.
#[derive(Default)]
struct Death {
    reason: Option<String>,
    original_key: Option<String>,
    time: Option<DateTime<Utc>>,
}

impl Death {
    /// The record begins with the latest move; its oldest entry has the key that the message was published with. Only moves
    /// out of `queue` and those below its name count: before, the message may have been through another program's queues.
    fn read(queue: &str, value: Option<&AMQPValue>) -> Self {
        let Some(AMQPValue::FieldArray(deaths)) = value else { return Self::default() };
        let is_ours = |death: &AMQPValue| {
            let name = field(death, "queue").and_then(|name| to_text(&name)).unwrap_or_default();
            name.strip_prefix(queue).is_some_and(|below| below.is_empty() || below.starts_with('.'))
        };
        let ours: Vec<&AMQPValue> = deaths.as_slice().iter().filter(|death| is_ours(death)).collect();
        let (latest, oldest) = (ours.first(), ours.last());
        let reason = latest.and_then(|death| to_text(&field(death, "reason")?));
        let original_key = oldest.and_then(|death| match field(death, "routing-keys")? {
            AMQPValue::FieldArray(keys) => keys.as_slice().first().and_then(to_text),
            _ => None,
        });
        let time = latest.and_then(|death| match field(death, "time")? {
            AMQPValue::Timestamp(seconds) => DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0),
            _ => None,
        });
        Self { reason: reason.map(|reason| format!("the broker gave it up: {reason}")), original_key, time }
    }
}

/// A field of an entry of the broker's record.
fn field(death: &AMQPValue, name: &str) -> Option<AMQPValue> {
    match death {
        AMQPValue::FieldTable(table) => table.inner().get(name).cloned(),
        _ => None,
    }
}

fn is_own(name: &str) -> bool {
    !OURS.contains(&name) && !BROKERS.iter().any(|prefix| name.starts_with(prefix))
}

/// A header's value as text; `None` for values without a sensible text.
fn to_text(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ShortString(text) => text.to_string(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        AMQPValue::Float(value) => value.to_string(),
        AMQPValue::Double(value) => value.to_string(),
        AMQPValue::Timestamp(value) => value.to_string(),
        AMQPValue::ByteArray(bytes) => String::from_utf8_lossy(bytes.as_slice()).into_owned(),
        AMQPValue::DecimalValue(_) | AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) | AMQPValue::Void => {
            return None;
        }
    })
}

/// As many headers as fit.
fn bounded(headers: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = (String, String)> {
    let mut total = 0_usize;
    let small = headers.filter(|(name, value)| name.len() <= MAX_SHORT_BYTES && value.len() <= MAX_HEADER_BYTES);
    small.take(MAX_HEADERS).filter(move |(name, value)| {
        let size = name.len().saturating_add(value.len());
        let fits = total.saturating_add(size) <= MAX_ALL_HEADERS_BYTES;
        if fits {
            total = total.saturating_add(size);
        }
        fits
    })
}

fn put(table: &mut FieldTable, name: &str, value: AMQPValue) {
    table.insert(short(name), value);
}

fn text(value: String) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// As much of a text as a property holds.
fn clip(mut text: String) -> ShortString {
    text.truncate(text.floor_char_boundary(MAX_SHORT_BYTES));
    short(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> WireMessage {
        let properties = Properties {
            message_id: Some("0190".to_owned()),
            kind: Some("email.requested".to_owned()),
            content_type: Some("application/json".to_owned()),
            delivery_mode: Some(2),
            correlation_id: Some("request-1".to_owned()),
            reply_to: Some("acks".to_owned()),
            expiration: None,
        };
        let headers = [("cloudEvents_id", "0190"), (EXPIRES_MS, "60000")];
        let headers = BTreeMap::from(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        WireMessage { routing_key: "email.requested".to_owned(), properties, headers, body: b"{}".to_vec() }
    }

    fn round(outbound: &OutboundMessage) -> Received {
        receive("q", outbound.routing_key.as_str(), &outbound.properties, outbound.body.clone())
    }

    #[test]
    fn a_message_comes_back_as_it_went_by_either_way() {
        assert_eq!(round(&to_exchange("x", message())).message, message());
        let retry_headers = RetryHeaders {
            counts: AttemptCounts { attempts: 3, panics: 1, postponed: 2 },
            death: Some(("bad".to_owned(), DateTime::UNIX_EPOCH)),
        };
        let received = round(&to_queue(&short("q.direct"), "q.dead", message(), &retry_headers));
        assert_eq!((received.message.clone(), received.counts), (message(), retry_headers.counts));
        let dead_letter = received.into_dead_letter("q", DateTime::UNIX_EPOCH);
        assert_eq!(
            (dead_letter.reason.as_str(), dead_letter.attempts, dead_letter.died_at),
            ("bad", 3, DateTime::UNIX_EPOCH)
        );
    }

    #[test]
    fn an_expiry_is_not_passed_to_the_broker() {
        let mut old = message();
        old.headers.remove(EXPIRES_MS);
        old.properties.expiration = Some("60000".to_owned());
        let outbound = to_exchange("x", old);
        assert_eq!(outbound.properties.expiration(), &None);
        assert_eq!(round(&outbound).message, message());
    }

    #[test]
    fn a_strangers_message_is_read_as_far_as_it_makes_sense() {
        let mut table = FieldTable::default();
        put(&mut table, "number", AMQPValue::LongInt(-7));
        put(&mut table, "nested", AMQPValue::FieldTable(FieldTable::default()));
        put(&mut table, "huge", text("x".repeat(5000)));
        put(&mut table, "x-attempts", text("many".to_owned()));
        put(&mut table, "x-delivery-count", AMQPValue::LongLongInt(2));
        put(&mut table, "broken", AMQPValue::LongString(vec![0xff].into()));
        let received = receive("q", "a.b", &BasicProperties::default().with_headers(table), Vec::new());
        assert_eq!((received.counts, received.returned), (AttemptCounts::default(), 2));
        let headers: Vec<_> = received.message.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(headers, ["broken=\u{fffd}", "number=-7"]);
    }

    #[test]
    fn headers_fit_into_a_frame_and_properties_into_their_fields() {
        let mut big = message();
        big.headers = (0..1000).map(|n| (format!("h{n}"), "x".repeat(1000))).collect();
        big.properties.correlation_id = Some("ä".repeat(300));
        let outbound = to_exchange("x", big);
        let received = round(&outbound).message;
        assert_eq!(received.headers.len(), 32);
        assert_eq!(received.properties.correlation_id, Some("ä".repeat(127)));
    }

    #[test]
    fn a_message_dead_lettered_by_the_broker_keeps_its_reason_and_its_key() {
        let properties = dead_lettered(&[("q", "delivery_limit", "user.created")]);
        let dead_letter = receive("q", "q.dead", &properties, Vec::new()).into_dead_letter("q", DateTime::UNIX_EPOCH);
        assert_eq!(dead_letter.message.routing_key, "user.created");
        assert_eq!(dead_letter.reason, "the broker gave it up: delivery_limit");
        assert_eq!(dead_letter.died_at.timestamp(), 60);
    }

    #[test]
    fn a_record_of_another_programs_queues_is_not_read() {
        let theirs = ("queue.of.theirs", "expired", "Their-Key");
        for name in ["queue.of.theirs", "q2", "their.q"] {
            let properties = dead_lettered(&[(name, "expired", "Their-Key")]);
            let received = receive("q", "card.created", &properties, Vec::new());
            assert_eq!((received.message.routing_key.as_str(), received.reason), ("card.created", None), "{name}");
        }
        let properties = dead_lettered(&[theirs, ("q.retry.5s", "expired", "a.b"), ("q", "maxlen", "c.d"), theirs]);
        let received = receive("q", "q", &properties, Vec::new());
        assert_eq!(received.message.routing_key, "c.d");
        assert_eq!(received.reason.as_deref(), Some("the broker gave it up: expired"));
    }

    /// The properties of a message that the broker moved out of these queues, the latest first: queue, reason, key.
    fn dead_lettered(moves: &[(&str, &str, &str)]) -> BasicProperties {
        let entry = |(queue, reason, key): &(&str, &str, &str)| {
            let mut death = FieldTable::default();
            put(&mut death, "queue", text((*queue).to_owned()));
            put(&mut death, "reason", text((*reason).to_owned()));
            put(&mut death, "routing-keys", AMQPValue::FieldArray(vec![text((*key).to_owned())].into()));
            put(&mut death, "time", AMQPValue::Timestamp(60));
            AMQPValue::FieldTable(death)
        };
        let mut table = FieldTable::default();
        put(&mut table, "x-death", AMQPValue::FieldArray(moves.iter().map(entry).collect::<Vec<_>>().into()));
        BasicProperties::default().with_headers(table)
    }
}
