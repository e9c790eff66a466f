//! Spans as a recorder gets them: names, parents, links and attributes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared_events::WireMessage;
use shared_events::wire::Properties;

use super::context::TraceContext;
use super::conventions::{MessagingSystem, TRACEPARENT, below, current_traceparent, trace_id_of};
use super::span::{Kind, Recorder, Span, TRACER, Tracer};

const CLIENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const EVENT: &str = "01947018-43d0-7000-8000-000000000009";

/// The spans of all tests in this process, each at the index that its id gives.
static RECORDED: Mutex<Vec<Recorded>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Recorded {
    name: String,
    kind: Kind,
    parent: Option<String>,
    links: Vec<String>,
    attributes: BTreeMap<&'static str, String>,
    is_failed: bool,
}

fn recorded() -> MutexGuard<'static, Vec<Recorded>> {
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recorders;

impl Tracer for Recorders {
    fn start(
        &self,
        name: Cow<'static, str>,
        kind: Kind,
        parent: Option<TraceContext>,
        links: &[TraceContext],
    ) -> Option<(TraceContext, Option<Box<dyn Recorder>>)> {
        if let Some(parent) = parent.filter(|parent| parent.flags == 0) {
            return Some((TraceContext { is_remote: false, ..parent }, None));
        }
        let mut all = recorded();
        all.push(Recorded {
            name: name.into_owned(),
            kind,
            parent: parent.map(|parent| parent.span_id()),
            links: links.iter().map(TraceContext::span_id).collect(),
            attributes: BTreeMap::new(),
            is_failed: false,
        });
        let number = u64::try_from(all.len()).unwrap();
        let trace_id = parent.map_or([7; 16], |parent| parent.trace_id);
        let context = TraceContext { trace_id, span_id: number.to_be_bytes(), flags: 1, is_remote: false };
        let recorder: Box<dyn Recorder> = Box::new(Writer(all.len() - 1));
        Some((context, Some(recorder)))
    }
}

struct Writer(usize);

impl Recorder for Writer {
    fn rename(&mut self, name: String) {
        recorded()[self.0].name = name;
    }

    fn text(&mut self, key: &'static str, value: Cow<'static, str>) {
        recorded()[self.0].attributes.insert(key, value.into_owned());
    }

    fn number(&mut self, key: &'static str, value: i64) {
        recorded()[self.0].attributes.insert(key, value.to_string());
    }

    fn fail(&mut self) {
        recorded()[self.0].is_failed = true;
    }
}

fn record() {
    TRACER.get_or_init(|| Box::new(Recorders));
}

/// The id of a span, and its record so far.
fn seen(span: &Span) -> (String, Recorded) {
    let id = TraceContext::parse(&span.traceparent().unwrap()).unwrap().span_id();
    let number = usize::from_str_radix(&id, 16).unwrap();
    (id, recorded()[number - 1].clone())
}

fn message(traceparent: Option<String>) -> WireMessage {
    WireMessage {
        routing_key: "bank.created".to_owned(),
        properties: Properties { message_id: Some(EVENT.to_owned()), ..Properties::default() },
        headers: traceparent.map(|text| (TRACEPARENT.to_owned(), text)).into_iter().collect(),
        body: Vec::new(),
    }
}

#[test]
fn a_request_is_named_by_its_route_below_its_client() {
    record();
    let mut span = Span::server("POST", Some(CLIENT));
    span.answered("POST", Some("/api/banks"), 503);
    let (_, record) = seen(&span);
    assert_eq!((record.name.as_str(), record.kind), ("POST /api/banks", Kind::Server));
    assert_eq!(record.parent.as_deref(), Some("00f067aa0ba902b7"));
    let attributes = [
        ("error.type", "503"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "503"),
        ("http.route", "/api/banks"),
    ];
    assert_eq!(record.attributes, BTreeMap::from(attributes.map(|(key, value)| (key, value.to_owned()))));
    assert!(record.is_failed);
    assert_eq!(seen(&Span::server("GET", Some("hunter2"))).1.parent, None, "it begins a trace");
}

#[test]
fn a_message_joins_its_request_its_publish_and_its_consumer() {
    record();
    let request = Span::server("POST", Some(CLIENT));
    let mut message = message(request.traceparent());
    let sent = Span::publish(MessagingSystem::InProcess, "topic:bank.created", &mut message);
    let handled = Span::process(MessagingSystem::InProcess, "email-service", &message);
    let ((request_id, _), (sent_id, sent), (_, handled)) = (seen(&request), seen(&sent), seen(&handled));
    assert_eq!((sent.name.as_str(), sent.kind), ("send topic:bank.created", Kind::Producer));
    assert_eq!((handled.name.as_str(), handled.kind), ("process email-service", Kind::Consumer));
    assert_eq!((sent.parent, handled.parent), (Some(request_id), Some(sent_id.clone())));
    assert_eq!((sent.links, handled.links), (Vec::new(), vec![sent_id]));
    assert_eq!(handled.attributes["messaging.message.id"], EVENT);
    assert_eq!(handled.attributes["messaging.system"], "in_process");
    assert_eq!(trace_id_of(&message).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn a_span_that_is_not_sampled_passes_its_trace_on_and_describes_nothing() {
    record();
    let mut request = Span::server("POST", Some(UNSAMPLED));
    request.rename(|| panic!("a name is made for a span that is not recorded"));
    request.answered("POST", Some("/api/banks"), 503);
    assert_eq!(request.traceparent().as_deref(), Some(UNSAMPLED));
    let mut message = message(request.traceparent());
    let sent = Span::publish(MessagingSystem::InProcess, "topic:bank.created", &mut message);
    let handled = Span::process(MessagingSystem::InProcess, "email-service", &message);
    assert!(!request.is_on() && !sent.is_on() && !handled.is_on());
    assert_eq!(message.headers[TRACEPARENT], UNSAMPLED);
}

#[tokio::test]
async fn background_work_has_spans_only_below_those_of_an_event() {
    record();
    assert_eq!(Span::database("sqlite", "read", None).traceparent(), None);
    let mut untraced = message(None);
    assert_eq!(Span::publish(MessagingSystem::InProcess, "q", &mut untraced).traceparent(), None);
    assert!(untraced.headers.is_empty());
    let call = async {
        let span = Span::database("mongodb", "insert", Some("logs"));
        (span.scope(async { current_traceparent() }).await, seen(&span).1, span.traceparent())
    };
    let (current, record, own) = below(Some(CLIENT), call).await;
    assert_eq!((record.name.as_str(), record.parent.as_deref()), ("insert logs", Some("00f067aa0ba902b7")));
    assert_eq!(current, own);
    assert_eq!(current_traceparent(), None);
}

#[tokio::test]
async fn an_error_marks_the_span_and_is_not_in_it() {
    record();
    let work = async {
        let span = Span::smtp("mail.example", 25);
        let (id, _) = seen(&span);
        let result = span.run(async { Err::<(), _>("hunter2") }).await;
        (usize::from_str_radix(&id, 16).unwrap(), result)
    };
    let (number, result) = below(Some(CLIENT), work).await;
    assert_eq!(result, Err("hunter2"));
    let record = recorded()[number - 1].clone();
    assert!(record.is_failed);
    assert_eq!(record.attributes["error.type"], "_OTHER");
    assert_eq!(record.attributes["server.address"], "mail.example");
    assert!(!record.attributes.values().any(|value| value.contains("hunter2")));
}

/// Collects what is logged.
#[cfg(not(feature = "otlp"))]
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(not(feature = "otlp"))]
impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_program_without_the_exporter_starts_and_names_the_variable() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let endpoint = Some("http://localhost:4318".to_owned());
    let options = super::TraceOptions { otlp_endpoint: endpoint, otlp_traces_endpoint: None };
    tracing::subscriber::with_default(subscriber, || super::start(&options).unwrap());
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("WARN") && text.contains("OTEL_EXPORTER_OTLP_ENDPOINT is set"), "{text}");
}
