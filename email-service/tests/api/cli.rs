//! The command line, and the README's statements about it.

use std::process::{Command, Output};

/// Runs the program in an empty folder, which a run that is refused and `doctor` have to leave empty.
fn run(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_email-service"));
    command.args(args).env_clear().current_dir(folder.path());
    command.env("EMAIL_BIND", "127.0.0.1:0").envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{args:?} leaves something");
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_readme_names_every_variable_and_default_of_the_help() {
    let help = run(&["--help"], &[]);
    assert!(help.status.success());
    let help = text(&help.stdout);
    let readme = include_str!("../../README.md");
    let variables: Vec<&str> =
        help.split("[env: ").skip(1).map(|rest| rest.split(['=', ']']).next().unwrap()).collect();
    assert!(variables.len() >= 19, "{variables:?}");
    for variable in variables {
        assert!(readme.contains(&format!("`{variable}`")), "{variable} is not in the README");
    }
    for default in
        help.split("[default: ").skip(1).map(|rest| rest.split(']').next().unwrap().replace('\n', " ").replace('"', ""))
    {
        assert!(readme.contains(&format!("`{default}`")), "the default {default} is not in the README");
    }
    for word in ["serve", "openapi", "doctor", "Examples:"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn what_is_no_broker_is_refused_by_name_and_without_its_password() {
    let output = run(&["serve"], &[("AMQP_URI", "http://bank:hunter2@localhost")]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("AMQP_URI: not a broker's address") && !error.contains("hunter2"), "{error}");
}

#[test]
fn every_fault_of_flags_and_variables_is_named_at_once_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_email-service"));
    command.env_clear().current_dir(folder.path()).envs([
        ("EMAIL_BIND", "127.0.0.1:0"),
        ("EMAIL_RECORD_DAYS", "hunter2"),
        ("EMAIL_PORT", "hunter2"),
        ("EMAIL_DATABASE_URL", "mongodb://u:hunter2@h:port/email"),
        ("RUST_LOG", "a=b=hunter2"),
        ("SENTRY_DSN", "hunter2"),
        ("LOG_FILE", "email.log"),
        ("EMAIL_FROM_ADDRESS", "hunter2"),
    ]);
    command.args(["--from", "hunter2", "--app-password", "correct", "horse", "serve"]);
    let output = command.output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    for part in [
        "warning: EMAIL_FROM_ADDRESS is not read; did you mean EMAIL_FROM?",
        "  argument 5: an argument was not expected here",
        "  EMAIL_FROM (--from): ",
        "  EMAIL_RECORD_DAYS: ",
        "  EMAIL_PORT: ",
        "  EMAIL_DATABASE_URL: ",
        "  RUST_LOG: ",
        "  SENTRY_DSN: ",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!["hunter2", "correct", "horse"].iter().any(|value| error.contains(value)), "{error}");
    assert_eq!(error.lines().count(), 9, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unclear_login_and_an_authority_that_is_none_are_refused_and_not_shown() {
    let variables = [
        ("EMAIL_DATABASE_URL", "mongodb://u:hunter2/righty@h/email"),
        ("MAIL_URL", "smtp://u:1#hunter2@h"),
        ("JWKS_URL", "http://u:1/hunter2@h"),
        ("EMAIL_SMTP_CA", "/hunter2/ca.pem"),
    ];
    for (command, code) in [("serve", 2), ("doctor", 1)] {
        let output = run(&[command], &variables);
        let report = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{report}");
        for (variable, _) in &variables[..3] {
            assert!(report.contains(&format!("{variable}: has a /, ")), "{variable} in {report}");
        }
        assert!(report.contains("EMAIL_SMTP_CA: the file cannot be read: "), "{report}");
        assert!(!report.contains("hunter2") && !report.contains("righty"), "{report}");
    }
}

#[test]
fn another_address_in_the_place_of_a_path_is_refused_and_not_shown() {
    let variables =
        [("MAIL_URL", "mailbox:smtp://u:hunter2@h"), ("EMAIL_DATABASE_URL", "sqlite:mongodb://u:hunter2@h/email")];
    let output = run(&["serve"], &variables);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 3), "{error}");
    for (variable, _) in variables {
        assert!(error.contains(&format!("  {variable}: has another address in the place of a path; ")), "{error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_a_fault_of_the_configuration_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("email.sqlite");
    std::fs::write(&file, "the notes of hunter2").unwrap();
    let url = format!("sqlite:{}", file.display());
    let output = run(&["serve"], &[("EMAIL_DATABASE_URL", &url), ("LOG_FILE", "email.log")]);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("EMAIL_DATABASE_URL: the file is no SQLite database; expected "), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"the notes of hunter2");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn warnings_come_before_the_heading_of_the_faults() {
    let jwks = ("JWKS_URL", "http://bank-service:5000/jwks.json");
    let variables = [("APP_ENV", "production"), jwks, ("EMAIL_PORT", "abc"), ("EMAIL_FROM", "x")];
    let output = run(&["serve"], &variables);
    let error = text(&output.stderr);
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].starts_with("email-service: warning: JWKS_URL: plain http"), "{error}");
    assert_eq!(lines[1], "email-service: the configuration is not valid:");
    assert!(lines.len() == 4 && lines[2..].iter().all(|line| line.starts_with("  ")), "{error}");
}

#[test]
fn a_raw_at_sign_in_a_password_ends_no_login_and_no_part_of_it_is_shown() {
    let addresses = [
        ("MAIL_URL", "smtp://u:lefty@righty@127.0.0.1:1"),
        ("AMQP_URI", "amqp://u:lefty@righty@127.0.0.1:1/%2f"),
        ("JWKS_URL", "http://u:lefty@righty@127.0.0.1:1/jwks.json"),
    ];
    let doctor = run(&["doctor"], &addresses);
    let report = text(&doctor.stdout);
    for check in ["mailer", "AMQP_URI", "JWKS_URL"] {
        assert!(report.lines().any(|line| line.starts_with(&format!("FAIL  {check}: "))), "{check} in {report}");
    }
    let refused = run(&["serve"], &[("EMAIL_DATABASE_URL", "mongodb://u:lefty@righty@127.0.0.1:1/email")]);
    let error = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && error.contains("EMAIL_DATABASE_URL: "), "{error}");
    for shown in [report, error] {
        assert!(!shown.contains("lefty") && !shown.contains("righty"), "{shown}");
    }
}

#[test]
fn the_doctor_reports_what_works_and_what_does_not() {
    let output = run(&["doctor"], &[("JWKS_URL", "http://127.0.0.1:1/jwks.json")]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines[..2], ["ok    configuration: valid", "ok    templates: valid"]);
    assert!(lines[2].starts_with("ok    mailer: there is no mailbox folder yet"), "{}", lines[2]);
    assert!(lines[3].starts_with("ok    EMAIL_DATABASE_URL: there is no database yet"), "{}", lines[3]);
    assert_eq!((lines[4], lines.len()), ("ok    AMQP_URI: not set; no events are consumed", 7));
    assert!(lines[6].starts_with("ok    EMAIL_BIND: "), "{}", lines[6]);
    let keys = lines[5];
    assert!(keys.starts_with("FAIL  JWKS_URL: ") && keys.ends_with("; is bank-service running?"), "{keys}");
    assert!(keys.to_lowercase().contains("connection refused"), "the cause is told: {keys}");

    let output = run(&["doctor"], &[("MAIL_URL", "pigeon://me:hunter2@host"), ("EMAIL_BIND", "x")]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert_eq!(report.lines().count(), 2, "{report}");
    assert!(report.contains("MAIL_URL: its scheme is not known") && !report.contains("hunter2"), "{report}");
}

#[test]
fn the_doctor_warns_of_keys_that_come_in_the_clear_in_production_and_names_an_authority_that_is_none() {
    // No loopback address, and refused at once all the same.
    let output = run(&["doctor"], &[("APP_ENV", "production"), ("JWKS_URL", "http://0.0.0.0:1/jwks.json")]);
    let report = text(&output.stdout);
    assert!(report.lines().any(|line| line.starts_with("WARN  JWKS_URL: plain http")), "{report}");
    for (command, code) in [("serve", 2), ("doctor", 1)] {
        let output = run(&[command], &[("INTERNAL_CA", "/nowhere/ca.pem")]);
        assert_eq!(output.status.code(), Some(code));
        let output_text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output_text.lines().count(), 1, "{output_text}");
        assert!(output_text.contains("INTERNAL_CA: the file cannot be read: "), "{output_text}");
        assert!(!output_text.contains("nowhere"), "{output_text}");
    }
}

#[test]
fn the_openapi_document_can_be_printed() {
    let output = run(&["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["info"]["title"], "email-service");
}

#[test]
fn an_address_in_use_and_folders_that_cannot_be_written_are_named_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // Nobody, not even root, makes a file in `/proc`.
    let folders = [("EMAIL_DATABASE_URL", "sqlite:/proc/new/email.sqlite"), ("MAIL_URL", "mailbox:/proc/new")];
    let variables = [&[("EMAIL_BIND", address.as_str()), ("LOG_FILE", "email.log")], &folders[..]].concat();
    let output = run(&["serve"], &variables);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 4), "{error}");
    assert!(error.contains(&format!("  EMAIL_BIND: {address} cannot be listened on: the port is in use")), "{error}");
    for (variable, _) in folders {
        assert!(error.contains(&format!("  {variable}: cannot be written to (")), "{variable} in {error}");
    }
}

#[test]
fn the_database_and_the_files_beside_it_are_neither_the_log_file_nor_the_mailbox() {
    for (variable, value) in [
        ("LOG_FILE", "data/email.sqlite"),
        ("LOG_FILE", "data/../data/email.sqlite-wal"),
        ("MAIL_URL", "mailbox:data/email.sqlite"),
        ("MAIL_URL", "mailbox://./data/email.sqlite-journal/mails"),
    ] {
        let output = run(&["serve"], &[(variable, value)]);
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{variable}={value}: {error}");
        let expected = format!(": {variable}, EMAIL_DATABASE_URL: the first is a file that the second keeps data in; ");
        assert!(error.contains(&expected), "{variable}={value}: {error}");
    }
}
