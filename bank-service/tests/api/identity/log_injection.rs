//! Client input cannot forge a line of the log. A process has one log, so a child process writes it.

use std::time::Duration;

use serde_json::json;
use service_kit::telemetry::{self, LogFormat, LogSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PASSWORD, TestApp};

const FILE: &str = "hostile.log";
/// The beginning of a forged line.
const FORGED: &str = "2026-01-01T00:00:00Z ERROR forged";

/// Sends bytes that no HTTP client would send.
async fn raw(app: &TestApp, request: &str) {
    let mut stream = TcpStream::connect(app.running.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    read.expect("an answer, and the end of the connection").ok();
}

async fn attack(app: &TestApp) {
    let escape = "\u{1b}[2J\u{1b}[31m";
    let encoded = FORGED.replace(' ', "%20");
    for path in [format!("/nowhere%0A{encoded}%1B[2J"), format!("/api/banks/%0d%0a{encoded}"), "/%c2%9b2J".to_owned()] {
        raw(app, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    }
    for header in ["User-Agent", "X-Request-Id", "Traceparent", "X-Forwarded-For", "Idempotency-Key", "Host"] {
        let lines = format!("{header}: a{escape}\n{FORGED}\r\n{header}: a{escape}{FORGED}");
        raw(app, &format!("GET /auth/me HTTP/1.1\r\nHost: x\r\n{lines}\r\nConnection: close\r\n\r\n")).await;
        raw(app, &format!("GET /auth/me HTTP/1.1\r\nHost: x\r\n{header}: a{escape}\r\nConnection: close\r\n\r\n"))
            .await;
    }
    raw(app, &format!("GET /x{escape} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    for email in [format!("a\n{FORGED}@example.com"), format!("a{escape}@example.com")] {
        let body = json!({"email": email, "password": PASSWORD, (format!("x\n{FORGED}{escape}")): 1});
        app.post_anonymous("/auth/register", body.clone()).await;
        app.post_anonymous("/auth/login", json!({"email": email, "password": email})).await;
        app.post_anonymous("/auth/login", body).await;
    }
}

async fn child(format: LogFormat) {
    let settings = LogSettings { format, level: "debug".to_owned(), file: Some(FILE.into()), ..LogSettings::default() };
    telemetry::init(&settings).unwrap();
    let app = TestApp::start().await;
    attack(&app).await;
    let person = app.user("a@example.com").await;
    let request = app.request(reqwest::Method::GET, "/auth/sessions", Some(&person.token));
    app.send(request.header("X-Request-Id", "the-last-one")).await.expect(200);
    telemetry::flush();
}

#[actix_web::test]
#[ignore = "run by the test below, in a process of its own"]
async fn child_text() {
    child(LogFormat::Text).await;
}

#[actix_web::test]
#[ignore = "run by the test below, in a process of its own"]
async fn child_json() {
    child(LogFormat::Json).await;
}

#[test]
fn nothing_that_a_client_sends_forges_a_line_or_moves_a_cursor() {
    for child in ["child_text", "child_json"] {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("identity::log_injection::{child}");
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", &name, "--ignored"]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let log = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(log.contains("the-last-one") && log.contains("unmatched"), "{child}: the requests are not in it");
        let forged = log.lines().find(|line| line.trim_start().starts_with(FORGED));
        assert_eq!(forged, None, "{child}");
        let control = log.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{child}");
        assert!(!log.contains(PASSWORD), "{child}");
        if child == "child_json" {
            let is_object = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|v| v.is_object());
            assert!(log.lines().all(is_object), "{log}");
        }
    }
}
