//! One event, one line: time, level, target, message, fields, request id, trace, spans.

use std::fmt;

use chrono::SecondsFormat;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::visit::{self, Line, push_quoted, push_unquoted};
use super::{LogFormat, classic, trace};
use crate::clock::{Clock, SystemClock};

/// Formats events. The id of the request being served is added here, so that no span per request is needed.
pub(super) struct LineFormat(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if self.0 == LogFormat::Classic {
            let mut out = String::with_capacity(240);
            classic::line(&mut out, event);
            out.push('\n');
            return writer.write_str(&out);
        }
        let mut line = Line::new(self.0);
        event.record(&mut line);
        let mut spans = String::new();
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                spans.push_str(fields.fields.as_str());
            }
        }
        let metadata = event.metadata();
        let parts = Parts { level: metadata.level().as_str(), target: metadata.target(), line: &line, spans: &spans };
        let mut out = String::with_capacity(320);
        match self.0 {
            LogFormat::Json => json(&mut out, &parts),
            LogFormat::Text | LogFormat::Classic => text(&mut out, &parts),
        }
        out.push('\n');
        writer.write_str(&out)
    }
}

struct Parts<'a> {
    level: &'a str,
    target: &'a str,
    line: &'a Line,
    spans: &'a str,
}

fn now() -> String {
    SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Writes members, each name once: the first of a name stays, which is an event's own, then the innermost span's.
struct Members<'a> {
    format: LogFormat,
    names: Vec<&'a str>,
}

impl<'a> Members<'a> {
    fn new(format: LogFormat, taken: &[&'a str]) -> Self {
        Self { format, names: taken.to_vec() }
    }

    fn list(&mut self, out: &mut String, list: &'a str) {
        for (name, value) in visit::members(list) {
            if self.begin(out, name) {
                out.push_str(value);
            }
        }
    }

    /// An id, which needs no quotes in a text line.
    fn id(&mut self, out: &mut String, name: &'a str, id: &str) {
        if self.begin(out, name) {
            if self.format == LogFormat::Json { push_quoted(out, id) } else { out.push_str(id) }
        }
    }

    /// The ids of the request and of the trace.
    fn context(&mut self, out: &mut String) {
        if let Some(id) = crate::request_id::current() {
            self.id(out, "request_id", &id);
        }
        if let Some(context) = trace::current() {
            self.id(out, "trace_id", &context.trace_id());
            self.id(out, "span_id", &context.span_id());
        }
    }

    /// False if there is a member of this name already.
    fn begin(&mut self, out: &mut String, name: &'a str) -> bool {
        if self.names.contains(&name) {
            return false;
        }
        self.names.push(name);
        if self.format == LogFormat::Json {
            out.push(',');
            push_quoted(out, name);
            out.push(':');
        } else {
            out.push(' ');
            out.push_str(name);
            out.push('=');
        }
        true
    }
}

fn text(out: &mut String, parts: &Parts<'_>) {
    out.push_str(&now());
    out.push(' ');
    out.push_str(parts.level);
    out.push(' ');
    out.push_str(parts.target);
    out.push_str(": ");
    push_unquoted(out, &parts.line.message);
    let mut members = Members::new(LogFormat::Text, &[]);
    members.list(out, &parts.line.members);
    members.context(out);
    members.list(out, parts.spans);
}

fn json(out: &mut String, parts: &Parts<'_>) {
    out.push_str("{\"time\":\"");
    out.push_str(&now());
    out.push_str("\",\"level\":\"");
    out.push_str(parts.level);
    out.push_str("\",\"target\":");
    push_quoted(out, parts.target);
    out.push_str(",\"message\":");
    push_quoted(out, &parts.line.message);
    let mut members = Members::new(LogFormat::Json, &["time", "level", "target", "message", "span"]);
    members.list(out, &parts.line.members);
    members.context(out);
    if !parts.spans.is_empty() {
        let mut spans = String::with_capacity(parts.spans.len());
        Members::new(LogFormat::Json, &[]).list(&mut spans, parts.spans);
        out.push_str(",\"span\":{");
        out.push_str(spans.trim_start_matches(','));
        out.push('}');
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde::de::{self, Deserialize, Deserializer};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::trace::{TraceContext, sync_scope};
    use crate::telemetry::visit::FieldFormat;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .fmt_fields(FieldFormat(format))
            .event_format(LineFormat(format));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_value_cannot_forge_a_line() {
        for format in [LogFormat::Text, LogFormat::Json, LogFormat::Classic] {
            let text = logged(format, || {
                tracing::info!(name = "a\nERROR forged", esc = "\u{1b}[31m", "msg\r\nERROR forged {}", "\u{2028}x");
            });
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(!text.contains(['\r', '\u{1b}', '\u{2028}']), "{text}");
        }
    }

    #[test]
    fn a_line_of_a_trace_names_it_and_its_span() {
        let context = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let traced = |format| logged(format, || sync_scope(context, || tracing::info!("in a trace")));
        let text = traced(LogFormat::Text);
        assert!(text.ends_with(" trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7\n"), "{text}");
        let line: serde_json::Value = serde_json::from_str(&traced(LogFormat::Json)).unwrap();
        assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(line["span_id"], "00f067aa0ba902b7");
        let outside = logged(LogFormat::Text, || tracing::info!("outside"));
        assert!(!outside.contains("trace_id"), "{outside}");
    }

    #[test]
    fn a_classic_line_has_its_nine_brackets() {
        let text = logged(LogFormat::Classic, || {
            tracing::warn!(
                remote = "127.0.0.1",
                request_id = "05f8154f",
                user_id = 123_u64,
                method = "GET",
                route = "/auth/me",
                status = 401_u64,
                duration_ms = 1.5_f64,
                log_type = "client",
                "request"
            );
        });
        let rest = text.strip_prefix('[').unwrap();
        let (time, rest) = rest.split_once(']').unwrap();
        assert!(chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S,%3f").is_ok(), "{time}");
        assert!(rest.starts_with("[127.0.0.1][05f8154f][123][/auth/me][format.rs]["), "{rest}");
        assert!(rest.ends_with("[WARNING][client]: GET /auth/me 401 duration_ms=1.5\n"), "{rest}");
        let other = logged(LogFormat::Classic, || tracing::info!("started"));
        assert!(other.contains("][None][None][None][None][format.rs]["), "{other}");
        assert!(other.ends_with("[INFO][server]: started\n"), "{other}");
    }

    #[test]
    fn a_json_line_is_json_with_numbers_as_numbers_and_the_span() {
        let text = logged(LogFormat::Json, || {
            let span = tracing::info_span!("task", name = "relay");
            let _in_span = span.enter();
            tracing::warn!(count = 3_u64, ok = true, took = 1.5_f64, who = ?Some("x"), "hello \"you\"");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "hello \"you\"");
        assert_eq!((line["count"].as_u64(), line["ok"].as_bool()), (Some(3), Some(true)));
        assert_eq!(line["who"], "Some(\"x\")");
        assert_eq!(line["span"]["name"], "relay");
    }

    /// A reader that refuses an object in which a name is twice.
    struct Strict(BTreeMap<String, serde_json::Value>);

    impl<'de> Deserialize<'de> for Strict {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Strict(BTreeMap::new()))
        }
    }

    impl<'de> de::Visitor<'de> for Strict {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with each name once")
        }

        fn visit_map<A: de::MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
            while let Some(name) = map.next_key::<String>()? {
                let value = if name == "span" {
                    serde_json::Value::Object(map.next_value::<Strict>()?.0.into_iter().collect())
                } else {
                    map.next_value()?
                };
                if self.0.insert(name.clone(), value).is_some() {
                    return Err(de::Error::custom(format!("{name} is twice")));
                }
            }
            Ok(self)
        }
    }

    /// A line in nested spans whose fields have the same names as each other's and as the event's.
    fn logged_in_spans(format: LogFormat) -> String {
        logged(format, || {
            let outer = tracing::info_span!("task", name = "amqp-consumer", queue = "q");
            let _in_outer = outer.enter();
            let inner =
                tracing::info_span!("task", name = "amqp-worker", event_id = "7", attempt = tracing::field::Empty);
            inner.record("attempt", 2_u64);
            let _in_inner = inner.enter();
            tracing::info!(event_id = "7", "handled");
        })
    }

    #[test]
    fn each_name_is_once_in_an_object_and_in_a_line_and_the_inner_value_stays() {
        let Strict(line) = serde_json::from_str(&logged_in_spans(LogFormat::Json)).unwrap();
        assert_eq!(line["event_id"], "7");
        let span = serde_json::json!({"name": "amqp-worker", "event_id": "7", "attempt": 2, "queue": "q"});
        assert_eq!(line["span"], span);
        let text = logged_in_spans(LogFormat::Text);
        assert!(text.ends_with(": handled event_id=7 name=amqp-worker attempt=2 queue=q\n"), "{text}");
    }

    #[test]
    fn a_field_cannot_take_the_name_of_a_part_of_the_line() {
        let text = logged(LogFormat::Json, || tracing::info!(level = "forged", span = 1_u64, kept = true, "hello"));
        let Strict(line) = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["kept"]), (&"INFO".into(), &true.into()));
        assert_eq!(line.get("span"), None);
    }
}
