//! An invalid configuration: all its faults in one start, exit code 2, and no files left.

use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;

const KEY: (&str, &str) = ("SECRET_KEY", "a key of the test suite, long enough to be taken");
/// Part of every value that must not be printed.
const SECRET: &str = "hunter2";

/// Runs the program in an empty folder, where its default database does not exist yet.
fn run(place: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.env_clear().current_dir(place.path()).args(arguments).envs(variables.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The program's error output; the run must leave an empty folder empty.
fn refusal(arguments: &[&str], variables: &[(&str, &str)], code: i32) -> String {
    let place = TempDir::new().unwrap();
    let output = run(&place, arguments, variables);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    assert!(!errors.contains(SECRET), "{errors}");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "{arguments:?} leaves {left:?}");
    errors
}

#[test]
fn every_fault_of_flags_and_variables_is_named_at_once() {
    let variables = [
        ("RATE_LOGIN_PER_MINUTE", SECRET),
        ("PUBLIC_URL", SECRET),
        ("DEFAULT_ROLE", "nosuch"),
        ("PUSH_BASE_URL", "nix://hunter2"),
        ("ADMIN_EMAIL", SECRET),
        ("ADMIN_PASS", SECRET),
        ("SENTRY_DSN", SECRET),
        ("RUST_LOG", "a=b=hunter2"),
        ("LOG_FILE", "/hunter2/x"),
        ("TLS_CERT", "/hunter2/cert.pem"),
        ("AMQP_URI", "http://u:hunter2@h"),
        ("APP_ENVIRONMENT", SECRET),
    ];
    let arguments =
        ["--workers", SECRET, "--trusted-proxies=hunter2", "--no-such-flag=hunter2", "mysql://u:hunter2@h/y"];
    let errors = refusal(&arguments, &variables, 2);
    for part in [
        "warning: APP_ENVIRONMENT is not read; did you mean APP_ENV?",
        "  --no-such-flag: unexpected",
        "  argument 5: an argument was not expected here",
        "  WORKERS (--workers): ",
        "  TRUSTED_PROXIES (--trusted-proxies): ",
        "  RATE_LOGIN_PER_MINUTE: ",
        "  PUBLIC_URL: ",
        "  DEFAULT_ROLE: ",
        "  PUSH_BASE_URL: ",
        "  ADMIN_EMAIL: ",
        "  ADMIN_PASS: ",
        "  SENTRY_DSN: ",
        "  RUST_LOG: ",
        "  LOG_FILE: ",
        "  TLS_CERT, TLS_KEY: ",
        "  AMQP_URI: ",
        "  SECRET_KEY: not set",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    // A warning, the heading, and each fault once.
    assert_eq!(errors.lines().count(), 18, "{errors}");
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    for (variable, value) in [
        ("ADMIN_EMAIL", "nobody"),
        ("ADMIN_PASS", "short"),
        ("DEFAULT_ROLE", "nosuch"),
        ("BANK_BIND", "192.0.2.7:5000"),
        ("TLS_KEY", "/nowhere/key.pem"),
        ("DATABASE_URL", "mysql://u:hunter2@h:port/bank"),
    ] {
        let errors = refusal(&[], &[KEY, (variable, value)], 2);
        assert!(errors.contains(variable) && errors.lines().count() == 1, "{variable}: {errors}");
    }
    for command in [&["init"][..], &["rotate-secret"], &["create-admin", "--email", "hunter2"]] {
        let errors = refusal(command, &[KEY], 2);
        assert!(errors.contains(": not set") || errors.contains("--email: "), "{command:?}: {errors}");
    }
}

#[test]
fn a_port_in_use_and_an_administrator_whom_nobody_names_are_found_before_the_database_is_made() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = held.local_addr().unwrap().to_string();
    let errors = refusal(&[], &[KEY, ("BANK_BIND", &bind)], 1);
    assert!(errors.contains(&format!("BANK_BIND: {bind} cannot be listened on: the port is in use")), "{errors}");
    let errors = refusal(&[], &[KEY, ("APP_ENV", "staging"), ("BANK_BIND", "127.0.0.1:0")], 2);
    assert!(errors.contains("no administrator can log in"), "{errors}");
}

#[test]
fn the_commands_on_the_database_need_no_other_setting_and_the_doctor_lists_what_is_wrong() {
    let place = TempDir::new().unwrap();
    assert!(run(&place, &["db", "upgrade"], &[]).status.success());
    let output = run(&place, &["doctor"], &[("WORKERS", SECRET), ("PUBLIC_URL", SECRET), ("ADMIN_MAIL", SECRET)]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    for line in [
        "WARN  ADMIN_MAIL is not read; did you mean ADMIN_EMAIL?",
        "FAIL  configuration: WORKERS: ",
        "FAIL  configuration: PUBLIC_URL: ",
        "FAIL  configuration: SECRET_KEY: not set",
    ] {
        assert!(report.lines().any(|one| one.starts_with(line)), "{line} in {report}");
    }
    assert!(!report.contains(SECRET), "{report}");
}

#[test]
fn a_key_that_is_not_the_databases_is_refused_before_it_is_migrated() {
    let place = TempDir::new().unwrap();
    let admin = [("ADMIN_EMAIL", "admin@bank.example"), ("ADMIN_PASS", "correct horse battery staple")];
    assert!(run(&place, &["init"], &[&[KEY], &admin[..]].concat()).status.success());
    assert!(run(&place, &["db", "downgrade"], &[]).status.success());
    let pending = text(&run(&place, &["db", "status"], &[]).stdout);
    assert!(pending.contains("pending"), "{pending}");
    let other =
        [("SECRET_KEY", "another key of the test suite, long enough to be taken"), ("BANK_BIND", "127.0.0.1:0")];
    let output = run(&place, &[], &other);
    assert!(text(&output.stderr).contains("SECRET_KEY: is not the key"), "{}", text(&output.stderr));
    let old = [other[0], ("OLD_SECRET_KEY", "a third key of the test suite, long enough to be taken")];
    let output = run(&place, &["rotate-secret"], &old);
    assert!(text(&output.stderr).contains("OLD_SECRET_KEY: is not the key"), "{}", text(&output.stderr));
    assert_eq!(text(&run(&place, &["db", "status"], &[]).stdout), pending);
}
