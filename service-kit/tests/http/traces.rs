//! Spans of requests, as a collector gets them. A process has one exporter, so a child of this one exports.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use service_kit::telemetry::{self, LogFormat, LogSettings, TraceOptions};

use crate::support::{answer, start};

const ENDPOINT: &str = "COLLECTOR";
const FILE: &str = "traces.log.json";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";
/// Longer than a child takes to export, however busy the machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);

#[expect(clippy::disallowed_methods, reason = "a test's own variable, which is no configuration")]
fn settings() -> LogSettings {
    let traces = TraceOptions { otlp_endpoint: std::env::var(ENDPOINT).ok(), otlp_traces_endpoint: None };
    LogSettings { format: LogFormat::Json, file: Some(FILE.into()), traces, ..LogSettings::default() }
}

#[actix_web::test]
#[ignore = "run by the tests below, in a process of its own"]
async fn child() {
    telemetry::init(&settings()).unwrap();
    let started = start();
    let traceparent = format!("00-{TRACE}-{CLIENT_SPAN}-01");
    answer(started.client.get(started.url("/banks/7?token=hunter2")).header("traceparent", &traceparent)).await;
    answer(started.client.get(started.url("/panic/7")).header("traceparent", &traceparent)).await;
    let unsampled = format!("00-{TRACE}-{CLIENT_SPAN}-00");
    answer(started.client.get(started.url("/who")).header("traceparent", unsampled)).await;
    for invalid in ["hunter2", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        answer(started.client.get(started.url("/bare")).header("traceparent", invalid)).await;
    }
    answer(started.client.get(started.url("/livez")).header("traceparent", &traceparent)).await;
    telemetry::flush();
}

#[actix_web::test]
#[ignore = "run by the tests below, in a process of its own"]
async fn child_without_a_collector_that_accepts() {
    telemetry::init(&settings()).unwrap();
    let started = start();
    for _ in 0..3 {
        assert_eq!(started.get("/banks/7").await.status, 200);
    }
    let dropped = "bank_trace_spans_total{result=\"dropped\"} 2";
    assert!(started.metrics.render().contains(dropped), "{}", started.metrics.render());
}

fn command(child: &str, folder: &std::path::Path, listener: &TcpListener) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("traces::{child}"), "--ignored"]).current_dir(folder);
    command.env(ENDPOINT, format!("http://{}", listener.local_addr().unwrap())).stdout(Stdio::null());
    command
}

/// The body of one request, once its head names the length; the answer is an empty success.
fn take(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let (mut received, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = connection.read(&mut piece).unwrap();
        assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&piece[..read]);
        let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        if received.len() - end - 4 >= length {
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            return (head, received[end + 4..].to_vec());
        }
    }
}

fn contains(body: &[u8], part: impl AsRef<[u8]>) -> bool {
    let part = part.as_ref();
    body.windows(part.len()).any(|bytes| bytes == part)
}

#[test]
fn a_request_is_a_span_below_its_clients_with_its_route_and_never_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = command("child", folder.path(), &collector);
    // All spans are exported at the end, in one request.
    command.env("OTEL_SERVICE_NAME", "the-name-given").env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let mut child = command.spawn().unwrap();
    let (head, body) = take(&collector);
    assert!(child.wait().unwrap().success());
    assert!(head.starts_with("post /v1/traces http/1.1") && head.contains("application/x-protobuf"), "{head}");
    let attributes = ["http.request.method", "http.route", "/banks/{id}", "http.response.status_code", "error.type"];
    for part in ["the-name-given", "GET /banks/{id}", "GET /panic/{id}", "GET /bare"].into_iter().chain(attributes) {
        assert!(contains(&body, part), "{part}");
    }
    for id in [TRACE, CLIENT_SPAN] {
        assert!(contains(&body, hex::decode(id).unwrap()), "{id}");
    }
    for secret in ["hunter2", "/banks/7", "token", "/who", "livez"] {
        assert!(!contains(&body, secret), "{secret}");
    }
    let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |route: &str| {
        let found: Vec<_> = lines.iter().filter(|line| line["target"] == "access" && line["route"] == route).collect();
        assert!(!found.is_empty(), "{route}: {text}");
        found
    };
    for line in [of("/banks/{id}"), of("/who")].concat() {
        assert_eq!(line["trace_id"], TRACE, "{line}");
        assert!(line["span_id"].as_str().is_some_and(|id| id.len() == 16 && id != CLIENT_SPAN), "{line}");
    }
    let broken = lines.iter().find(|line| line["message"] == "a handler panicked").unwrap();
    assert_eq!(broken["trace_id"], TRACE, "{broken}");
    for line in of("/bare") {
        let id = line["trace_id"].as_str().unwrap();
        assert!(id.len() == 32 && id != TRACE && id != "0".repeat(32), "{line}");
    }
}

#[test]
fn a_collector_that_accepts_nothing_costs_spans_and_no_request() {
    let folder = tempfile::tempdir().unwrap();
    // The system accepts the connection, and this program never does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = command("child_without_a_collector_that_accepts", folder.path(), &silent);
    command.env("OTEL_BSP_MAX_QUEUE_SIZE", "1").env("OTEL_EXPORTER_OTLP_TIMEOUT", "600000");
    assert!(command.status().unwrap().success());
}
