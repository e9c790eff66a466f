//! The access log line. A process has one log, so a child of this one writes it.

use service_kit::telemetry::{self, LogFormat, LogSettings};

use crate::support::{answer, start};

const FILE: &str = "access.log.json";

#[actix_web::test]
#[ignore = "run by the test below, in a process of its own"]
async fn child() {
    let settings = LogSettings {
        format: LogFormat::Json,
        level: "info".to_owned(),
        file: Some(FILE.into()),
        ..LogSettings::default()
    };
    telemetry::init(&settings).unwrap();
    let started = start();
    for (path, id) in
        [("/banks/7", "good"), ("/nowhere/secret-token", "missing"), ("/panic/7", "broken"), ("/livez", "probe")]
    {
        answer(started.client.get(started.url(path)).header("x-request-id", id)).await;
    }
    telemetry::flush();
}

#[test]
fn each_request_is_one_line_with_its_pattern_and_never_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "logs::child", "--ignored"])
        .current_dir(folder.path())
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(!text.contains("secret-token"), "{text}");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| {
        let mut found = lines.iter().filter(|line| line["target"] == "access" && line["request_id"] == id);
        let line = found.next().unwrap_or_else(|| panic!("no line for {id}: {text}"));
        assert!(found.next().is_none());
        line
    };
    let good = of("good");
    assert_eq!((&good["level"], &good["route"], &good["status"]), (&"INFO".into(), &"/banks/{id}".into(), &200.into()));
    assert_eq!((&good["method"], &good["remote"]), (&"GET".into(), &"127.0.0.1".into()));
    assert!(good["duration_ms"].is_number() && good["time"].is_string() && good.get("log_type").is_none());
    let missing = of("missing");
    assert_eq!(
        (&missing["level"], &missing["log_type"], &missing["route"]),
        (&"WARN".into(), &"client".into(), &"unmatched".into())
    );
    let broken = of("broken");
    assert_eq!(
        (&broken["level"], &broken["log_type"], &broken["route"]),
        (&"ERROR".into(), &"server".into(), &"/panic/{id}".into())
    );
    let reason = lines.iter().find(|line| line["message"] == "a handler panicked").unwrap();
    assert_eq!(reason["request_id"], "broken");
    assert!(lines.iter().all(|line| line["request_id"] != "probe"));
}
