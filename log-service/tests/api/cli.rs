//! The command line: all faults of a configuration in one start, exit code 2, and nothing left behind.

use std::process::{Command, Output};

use tempfile::TempDir;

/// Part of every value that must not be shown.
const SECRET: &str = "hunter2";

fn run(place: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-service"));
    command.env_clear().current_dir(place.path()).args(arguments).envs(variables.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const WRONG: [(&str, &str); 7] = [
    ("APP_ENV", SECRET),
    ("JWKS_URL", "ftp://u:hunter2@h"),
    ("MONGODB_NAME", "hunter2/x"),
    ("RUST_LOG", "a=b=hunter2"),
    ("SENTRY_DSN", SECRET),
    ("LOG_FILE", "hunter2/x.log"),
    ("MONGODB_DATABASE", SECRET),
];

#[test]
fn every_fault_of_flags_and_variables_is_named_at_once_and_nothing_is_written() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join(".env"), "RETENTION_DAYS=hunter2\nLOG_FORMAT=hunter2\n").unwrap();
    let output = run(&place, &["--log-bind", SECRET, "serve", "mysql://u:hunter2@h/y"], &WRONG);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for part in [
        "warning: MONGODB_DATABASE is not read; did you mean MONGODB_NAME?",
        "  argument 4: an argument was not expected here",
        "  LOG_BIND (--log-bind): ",
        "  RETENTION_DAYS (.env, line 1): ",
        "  LOG_FORMAT (.env, line 2): ",
        "  APP_ENV: ",
        "  JWKS_URL: ",
        "  MONGODB_NAME: ",
        "  RUST_LOG: ",
        "  SENTRY_DSN: ",
        "  LOG_FILE: ",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(!errors.contains(SECRET), "{errors}");
    assert_eq!(errors.lines().count(), 12, "{errors}");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".env"]);
}

#[test]
fn a_log_file_is_not_made_by_a_start_that_is_refused_and_its_own_fault_is_there_once() {
    let place = TempDir::new().unwrap();
    let output = run(&place, &[], &[("LOG_FILE", "service.log"), ("JWKS_URL", SECRET)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!place.path().join("service.log").exists());
    let errors = text(&run(&place, &[], &[("LOG_FILE", "none/service.log")]).stderr);
    assert!(errors.contains("LOG_FILE: ") && errors.matches("No such file").count() == 1, "{errors}");
}

#[test]
fn the_doctor_lists_what_is_wrong() {
    let output = run(&TempDir::new().unwrap(), &["doctor"], &WRONG);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert_eq!(report.lines().filter(|line| line.starts_with("FAILED configuration: ")).count(), 6, "{report}");
    assert!(report.contains("WARN   MONGODB_DATABASE") && !report.contains(SECRET), "{report}");
}
