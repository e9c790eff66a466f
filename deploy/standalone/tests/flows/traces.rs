//! One request as one trace, over three processes and a broker; and the same without a collector that answers.

use std::net::TcpListener;

use serde_json::{Value, json};
use stand_ins::otlp::{Collector, ReceivedSpan, SpanKind};

use crate::fixture::{Fixture, Person};
use crate::process::environment;
use crate::real;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";
const BANK_NAME: &str = "Canary Bank of Traces";

/// Creates a bank as a client that is traced itself.
async fn create_bank(fixture: &Fixture, admin: &Person) {
    let request = fixture.http.post(format!("{}/api/banks", fixture.bank)).bearer_auth(&admin.token);
    let request = request.header("traceparent", format!("00-{TRACE}-{CLIENT_SPAN}-01"));
    let answer = request.json(&json!({"name": BANK_NAME})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap_or_default());
}

/// The id of the bank's event, once the log has it.
async fn logged_event(fixture: &Fixture, admin: &Person) -> String {
    let url = format!("{}/api/logs?event_type=bank.created", fixture.log);
    let poll = async || {
        let answer = fixture.http.get(&url).bearer_auth(&admin.token).send().await.ok()?;
        let entries: Value = answer.json().await.ok()?;
        Some(entries["results"].as_array()?.first()?["event_id"].as_str()?.to_owned())
    };
    fixture.eventually("the event in the log", poll).await
}

/// The spans of a trace.
struct Trace(Vec<ReceivedSpan>);

impl Trace {
    fn find(&self, service: &str, name: &str) -> Option<&ReceivedSpan> {
        self.0.iter().find(|span| span.service == service && span.name == name)
    }

    /// The span that has this name and this parent.
    fn child(&self, parent: &ReceivedSpan, service: &str, name: &str) -> &ReceivedSpan {
        let is_it = |span: &&ReceivedSpan| {
            span.service == service && span.name == name && span.parent_id == parent.span_id && !span.is_error
        };
        self.0.iter().find(is_it).unwrap_or_else(|| panic!("no {name} of {service} below {parent:?}: {:#?}", self.0))
    }
}

#[track_caller]
fn assert_attributes<const N: usize>(span: &ReceivedSpan, expected: [(&str, &str); N]) {
    for (key, value) in expected {
        assert_eq!(span.attributes.get(key).map(String::as_str), Some(value), "{key} of {span:?}");
    }
}

#[actix_web::test]
async fn the_creation_of_a_bank_is_one_trace_over_three_processes_and_a_broker() {
    let collector = Collector::start();
    let fixture = real::start_with(&environment([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ]))
    .await;
    let admin = fixture.admin().await;
    create_bank(&fixture, &admin).await;
    let event_id = logged_event(&fixture, &admin).await;
    let journey = fixture.get(&admin, &format!("/api/events/{event_id}/journey")).await;
    assert_eq!(journey["trace_id"], TRACE);
    let poll = async || {
        let trace = Trace(collector.trace(TRACE));
        let last = ["insert logs", "POST /api/logs"].iter().all(|name| trace.find("log-service", name).is_some());
        let first = trace.find("bank-service", "POST /api/banks").is_some();
        let confirmed = trace.find("bank-service", "process bank-service.acks").is_some();
        let mailed = trace.find("email-service", "process email-service").is_some();
        let posted = trace.find("bank-service", "POST").is_some();
        (first && mailed && confirmed && posted && last).then_some(trace)
    };
    let trace = fixture.eventually("all spans of the trace", poll).await;

    let request = trace.find("bank-service", "POST /api/banks").unwrap();
    assert_eq!((request.parent_id.as_str(), request.kind), (CLIENT_SPAN, SpanKind::Server));
    assert_attributes(
        request,
        [("http.request.method", "POST"), ("http.route", "/api/banks"), ("http.response.status_code", "201")],
    );
    let written = trace.child(request, "bank-service", "transaction");
    assert_attributes(written, [("db.system.name", "mysql"), ("db.operation.name", "transaction")]);
    let sent = trace.child(request, "bank-service", "send topic_exchange:bank.created");
    assert_attributes(
        sent,
        [
            ("messaging.system", "rabbitmq"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", "topic_exchange:bank.created"),
            ("messaging.message.id", event_id.as_str()),
        ],
    );
    let mailing = trace.child(sent, "email-service", "process email-service");
    assert_eq!((sent.kind, mailing.kind), (SpanKind::Producer, SpanKind::Consumer));
    assert_eq!(mailing.links, [sent.span_id.as_str()]);
    assert_attributes(mailing, [("messaging.operation.type", "process"), ("messaging.message.id", event_id.as_str())]);
    let smtp = trace.child(mailing, "email-service", "smtp send");
    assert!(smtp.attributes.contains_key("server.address") && smtp.attributes.contains_key("server.port"), "{smtp:?}");
    let settled = trace.child(mailing, "email-service", "settle deliveries");
    assert_attributes(settled, [("db.system.name", "mongodb"), ("db.collection.name", "deliveries")]);
    let replied = trace.child(mailing, "email-service", "send bank-service.acks");
    let confirmed = trace.child(replied, "bank-service", "process bank-service.acks");
    assert_eq!(confirmed.links, [replied.span_id.as_str()]);
    trace.child(confirmed, "bank-service", "transaction");
    let posted = trace.child(request, "bank-service", "POST");
    assert_attributes(posted, [("server.address", "127.0.0.1")]);
    assert_eq!((written.kind, smtp.kind, posted.kind), (SpanKind::Client, SpanKind::Client, SpanKind::Client));
    let logged = trace.child(posted, "log-service", "POST /api/logs");
    let inserted = trace.child(logged, "log-service", "insert logs");
    assert_attributes(inserted, [("db.system.name", "mongodb"), ("db.operation.name", "insert")]);

    for span in &trace.0 {
        let texts = span.attributes.values().chain([&span.name]);
        for text in texts {
            assert!(!text.contains('@') && !text.contains('?') && !text.contains(BANK_NAME), "{text}: {span:?}");
        }
    }
}

#[actix_web::test]
async fn a_collector_that_accepts_nothing_costs_no_request_and_no_event() {
    // The system accepts the connection, and no program ever does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = real::start_with(&environment([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", silent.local_addr().unwrap())),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1".to_owned()),
    ]))
    .await;
    let admin = fixture.admin().await;
    create_bank(&fixture, &admin).await;
    logged_event(&fixture, &admin).await;
    for url in [&fixture.bank, &fixture.log, &fixture.email] {
        let poll = async || {
            let text = fixture.http.get(format!("{url}/metrics")).send().await.ok()?.text().await.ok()?;
            let dropped =
                text.lines().find_map(|line| line.strip_prefix("bank_trace_spans_total{result=\"dropped\"} "))?;
            dropped.parse::<u64>().ok().filter(|dropped| *dropped > 0)
        };
        fixture.eventually("a span that was dropped", poll).await;
    }
}
