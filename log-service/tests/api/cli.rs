//! The command line: all faults of a configuration in one start, exit code 2, and nothing left behind.

use std::net::TcpListener;
use std::process::{Command, Output};

use log_service::config::Config;
use service_kit::config::Secret;
use tempfile::TempDir;

/// Part of every value that must not be shown.
const SECRET: &str = "hunter2";

fn run(place: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-service"));
    command.env_clear().current_dir(place.path()).args(arguments);
    command.env("LOG_BIND", "127.0.0.1:0").envs(variables.iter().copied());
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
        "warning: LOG_BIND says something else than --log-bind and is ignored",
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
    assert_eq!(errors.lines().count(), 13, "{errors}");
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
fn a_port_in_use_and_a_folder_that_cannot_be_written_are_named_at_once_and_nothing_is_left() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = held.local_addr().unwrap().to_string();
    let place = TempDir::new().unwrap();
    // Nobody, not even root, makes a file in `/proc`.
    let database = ("LOG_DATABASE_URL", "sqlite:/proc/new/logs.sqlite");
    let output = run(&place, &[], &[("LOG_BIND", &bind), database, ("LOG_FILE", "service.log")]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 3), "{errors}");
    assert!(errors.contains(&format!("  LOG_BIND: {bind} cannot be listened on: the port is in use")), "{errors}");
    assert!(errors.contains("  LOG_DATABASE_URL: cannot be written to ("), "{errors}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_file_with_parameters_is_refused_and_one_that_is_not_used_needs_no_folder() {
    let place = TempDir::new().unwrap();
    for url in ["sqlite:logs.sqlite?key=hunter2", "sqlite:mongodb://u:hunter2@h/logs"] {
        let output = run(&place, &[], &[("LOG_DATABASE_URL", url)]);
        let errors = text(&output.stderr);
        assert!(errors.contains("LOG_DATABASE_URL: ") && errors.contains("without parameters"), "{errors}");
        assert!(output.status.code() == Some(2) && !errors.contains(SECRET), "{errors}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    let mut config = Config::new("127.0.0.1:0", "sqlite:/proc/new/logs.sqlite");
    assert!(config.check().is_err());
    config.mongodb_uri = Some(Secret::new("mongodb://db/?replicaSet=rs0"));
    assert!(config.check().is_ok());
}

#[test]
fn a_log_file_that_is_a_database_is_refused() {
    let place = TempDir::new().unwrap();
    let database = ("LOG_DATABASE_URL", "sqlite:./logs.sqlite");
    for value in ["logs.sqlite", "./none/../logs.sqlite-shm"] {
        let output = run(&place, &[], &[database, ("LOG_FILE", value)]);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{value}: {errors}");
        assert!(errors.contains(": LOG_FILE, LOG_DATABASE_URL: the first is a file "), "{value}: {errors}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    std::fs::write(place.path().join("other"), "SQLite format 3\0").unwrap();
    let output = run(&place, &[], &[database, ("LOG_FILE", "other")]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("LOG_FILE: the file cannot be appended to: it is a SQLite database; "), "{errors}");
    assert_eq!(std::fs::read(place.path().join("other")).unwrap(), b"SQLite format 3\0");
}

#[test]
fn a_file_that_is_no_database_is_a_fault_of_the_configuration_and_stays_as_it_is() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("logs.sqlite");
    std::fs::write(&file, "the notes of hunter2").unwrap();
    let output = run(&place, &[], &[("LOG_DATABASE_URL", "sqlite:logs.sqlite"), ("LOG_FILE", "service.log")]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{errors}");
    assert!(errors.contains("LOG_DATABASE_URL: the file is no SQLite database; expected "), "{errors}");
    assert_eq!(std::fs::read(&file).unwrap(), b"the notes of hunter2");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn warnings_come_before_the_heading_of_the_faults() {
    let jwks = ("JWKS_URL", "http://bank-service:5000/jwks.json");
    let variables = [("APP_ENV", "production"), jwks, ("RETENTION_DAYS", "0"), ("ROUTING_KEY", " , ")];
    let errors = text(&run(&TempDir::new().unwrap(), &[], &variables).stderr);
    let lines: Vec<&str> = errors.lines().collect();
    assert!(lines[0].starts_with("log-service: warning: JWKS_URL: plain http"), "{errors}");
    assert_eq!(lines[1], "log-service: the configuration is not valid:");
    assert!(lines.len() == 4 && lines[2..].iter().all(|line| line.starts_with("  ")), "{errors}");
}

#[cfg(feature = "mongodb")]
#[test]
fn a_store_that_is_not_there_is_reported_in_a_sentence() {
    let uri = ("MONGODB_URI", "mongodb://u:hunter2@127.0.0.1:1/?replicaSet=rs0");
    let output = run(&TempDir::new().unwrap(), &[], &[uri]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("MONGODB_URI: no primary is reachable at 127.0.0.1:1; "), "{errors}");
    assert!(errors.contains("is MongoDB running"), "{errors}");
    assert!(!errors.contains(['{', '}']) && !errors.contains(SECRET), "{errors}");
}

#[test]
fn a_raw_at_sign_in_a_password_ends_no_login_and_no_part_of_it_is_shown() {
    let addresses = [
        ("AMQP_URI", "amqp://u:lefty@righty@127.0.0.1:1/%2f"),
        ("JWKS_URL", "http://u:lefty@righty@127.0.0.1:1/jwks.json"),
    ];
    let report = text(&run(&TempDir::new().unwrap(), &["doctor"], &addresses).stdout);
    for (variable, _) in addresses {
        assert!(report.lines().any(|line| line.starts_with(&format!("FAIL  {variable}: "))), "{variable} in {report}");
    }
    let uri = ("MONGODB_URI", "mongodb://u:lefty@righty@127.0.0.1:1/?replicaSet=rs0");
    let refused = run(&TempDir::new().unwrap(), &[], &[uri]);
    let errors = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && errors.contains("MONGODB_URI: "), "{errors}");
    for shown in [report, errors] {
        assert!(!shown.contains("lefty") && !shown.contains("righty"), "{shown}");
    }
}

#[test]
fn the_doctor_makes_no_database() {
    let place = TempDir::new().unwrap();
    let output = run(&place, &["doctor"], &[("JWKS_URL", "http://127.0.0.1:1/jwks.json")]);
    let report = text(&output.stdout);
    assert!(report.contains("ok    LOG_DATABASE_URL: there is no database yet"), "{report}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_broken_env_file_and_an_unclear_login_are_faults_beside_the_others() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join(".env"), b"RETENTION_DAYS=hunter2\n#\xff\n").unwrap();
    let variables = [("MONGODB_URI", "mongodb://u:hunter2/righty@h/?x=y"), ("INTERNAL_CA", "/hunter2/ca.pem")];
    for (command, code) in [("serve", 2), ("doctor", 1)] {
        let output = run(&place, &[command], &variables);
        let report = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{report}");
        for fault in [
            ".env cannot be read: line 2 is not UTF-8",
            "RETENTION_DAYS (.env, line 1): ",
            "MONGODB_URI: has a /, ",
            "INTERNAL_CA: the file cannot be read: ",
        ] {
            assert!(report.contains(fault), "{fault} in {report}");
        }
        assert!(!report.contains(SECRET) && !report.contains("righty"), "{report}");
    }
}

#[test]
fn the_doctor_lists_what_is_wrong() {
    let output = run(&TempDir::new().unwrap(), &["doctor"], &WRONG);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert_eq!(report.lines().filter(|line| line.starts_with("FAIL  configuration: ")).count(), 6, "{report}");
    assert!(report.contains("WARN  MONGODB_DATABASE") && !report.contains(SECRET), "{report}");
}
