//! Error reports to a tracker. A process has one log, so a child of this one writes it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use service_kit::config::Secret;
use service_kit::telemetry::{self, LogSettings, ReportOptions};

const PORT: &str = "TRACKER_PORT";
/// Longer than a child takes to report, however busy the machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);

#[test]
#[ignore = "run by the test below, in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "a test's own variable, which is no configuration")]
fn child() {
    let dsn = format!("http://key@127.0.0.1:{}/7", std::env::var(PORT).unwrap());
    let reports = ReportOptions { sentry_dsn: Some(Secret::new(dsn)), sentry_environment: Some("staging".to_owned()) };
    telemetry::init(&LogSettings { reports, ..LogSettings::default() }).unwrap();
    tracing::warn!("a warning is no error");
    tracing::error!(request_id = "r-1", reason = "no route", "the broker is away");
    telemetry::flush();
}

#[test]
fn a_line_at_error_is_a_report_with_its_fields_release_and_environment() {
    let tracker = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tracker.local_addr().unwrap().port().to_string();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "error_reports::child", "--ignored"])
        .env(PORT, port)
        .env("NO_PROXY", "127.0.0.1")
        .spawn()
        .unwrap();
    let (mut connection, _) = tracker.accept().unwrap();
    connection.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&request).contains("the broker is away") {
        let read = connection.read(&mut piece).unwrap();
        assert!(read > 0, "it hung up: {}", String::from_utf8_lossy(&request));
        request.extend_from_slice(&piece[..read]);
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let text = String::from_utf8(request).unwrap();
    assert!(text.starts_with("POST /api/7/envelope/ HTTP/1.1"), "{text}");
    for part in ["r-1", "no route", "staging", concat!("@", env!("CARGO_PKG_VERSION"))] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("a warning is no error"), "{text}");
}

#[test]
fn what_is_no_dsn_is_refused_without_being_shown() {
    let reports = ReportOptions { sentry_dsn: Some(Secret::new("hunter2")), ..ReportOptions::default() };
    let refused = telemetry::init(&LogSettings { reports, ..LogSettings::default() }).unwrap_err().to_string();
    assert!(refused.starts_with("SENTRY_DSN: ") && !refused.contains("hunter2"), "{refused}");
}
