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
    command.env_clear().current_dir(place.path()).args(arguments);
    command.env("BANK_BIND", "127.0.0.1:0").envs(variables.iter().copied());
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
        "  argument 4: unexpected, there is no such flag; see --help",
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
fn a_value_of_a_command_that_is_refused_is_answered_with_the_form_that_is_taken() {
    let long = "x".repeat(301);
    let time = "expected a time, such as 2026-01-31 or 2026-01-31T12:00:00Z";
    let reason = "--reason: the value is not valid; expected a text of 1 to 300 characters";
    for (arguments, expected) in [
        (&["dead-letters", "discard", "--all", "--reason", &*long][..], reason),
        (&["dead-letters", "replay", "--all", "--reason", ""], reason),
        (&["dead-letters", "show", SECRET], "expected an event's id, such as 0199d1a2-"),
        (&["db", "grants", "--user", ""], "--user: the value is not valid; expected the name of a user of the server"),
        (
            &["db", "grants", "--host", " "],
            "--host: the value is not valid; expected the hosts of a user of the server",
        ),
        (&["ledger", "trial-balance", "--currency", "eur"], "in capital letters, such as EUR"),
        (&["ledger", "trial-balance", "--currency", "ZZZ"], "in capital letters, such as EUR"),
        (&["ledger", "export", "--account", SECRET], "--account: the value is not valid; expected an account's id"),
        (&["ledger", "export", "--account", "1", "--from", SECRET], time),
        (&["ledger", "export", "--account", "1", "--to", SECRET], time),
        (
            &["ledger", "export", "--account", "1", "--from", "2026-02-02", "--to", "2026-02-01"],
            "--from: must not be after --to",
        ),
    ] {
        let errors = refusal(arguments, &[KEY], 2);
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_database_command_names_the_variable_whose_user_acts() {
    let (serving, owner) = ("mysql://bank:hunter2@127.0.0.1:1/bank", "mysql://owner:hunter2@127.0.0.1:1/bank");
    let both = [KEY, ("DATABASE_URL", serving), ("MIGRATION_DATABASE_URL", owner)];
    for (variables, expected) in [(&both[..], "MIGRATION_DATABASE_URL: "), (&both[..2], "DATABASE_URL: ")] {
        let errors = refusal(&["db", "grants", "--apply"], variables, 1);
        assert!(errors.contains(&format!("bank-service: {expected}mysql://127.0.0.1:1/bank: ")), "{errors}");
    }
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
        ("DATABASE_URL", "sqlite:bank.sqlite?key=hunter2"),
        ("DATABASE_URL", "sqlite:mysql://u:hunter2@h/bank"),
        ("SQLALCHEMY_DATABASE_URI", "sqlite:///mysql://u:hunter2@h/bank"),
        ("SQLALCHEMY_DATABASE_URI", "hunter2.db"),
        ("FLASK_ENV", "prod"),
        ("FLASK_ENV", "Production"),
        ("FLASK_CERT", "cert.pem"),
        ("RABBITMQ_HOST", "amqp://u:hunter2@h"),
        ("DATABASE_URL", "mysql://u:p@127.0.0.1:1/hunter2/bank"),
        ("SMS_FOLDER", "mysql://u:hunter2@h"),
        ("PUSH_FOLDER", "mysql://u:hunter2@h"),
        ("LOG_FILE", "mysql://u:hunter2@h"),
    ] {
        let admin = [("ADMIN_EMAIL", "admin@bank.example"), ("ADMIN_PASS", "correct horse battery staple")];
        let errors = refusal(&[], &[&[KEY], &admin[..], &[(variable, value)]].concat(), 2);
        // A value under an old name has a warning beside its fault.
        let is_old = ["SQLALCHEMY", "FLASK", "RABBITMQ"].iter().any(|old| variable.starts_with(old));
        let expected = if is_old { 2 } else { 1 };
        assert!(errors.contains(variable) && errors.lines().count() == expected, "{variable}: {errors}");
    }
    for command in [&["init"][..], &["rotate-secret"], &["create-admin", "--email", "hunter2"]] {
        let errors = refusal(command, &[KEY], 2);
        assert!(errors.contains(": not set") || errors.contains("--email: "), "{command:?}: {errors}");
    }
}

#[test]
fn an_address_with_an_unclear_login_is_refused_and_no_part_of_it_is_shown() {
    for (variable, value) in [
        ("DATABASE_URL", "mysql://u:lefty@righty/bank@h/bank"),
        ("SQLALCHEMY_DATABASE_URI", "mysql+pymysql://u:1/righty?charset=lefty@h/bank"),
        ("AMQP_URI", "amqp://u:1/righty@h"),
        ("LOG_SERVICE_URL", "http://u:1/righty@h"),
    ] {
        // A role that is looked up in the database.
        let variables = [KEY, ("DEFAULT_ROLE", "auditor"), (variable, value)];
        let doctor = text(&run(&TempDir::new().unwrap(), &["doctor"], &variables).stdout);
        for output in [refusal(&[], &variables, 2), doctor] {
            assert!(output.contains(variable) && output.contains(": has a /, "), "{variable}: {output}");
            assert!(!output.contains("lefty") && !output.contains("righty"), "{output}");
        }
    }
}

#[test]
fn each_file_that_cannot_be_read_is_named_by_its_variable_alone() {
    let names = ["TLS_CERT", "TLS_KEY", "INTERNAL_CA", "AMQP_CA_FILE"];
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, "/hunter2/x.pem")).chain([KEY]).collect();
    let errors = refusal(&[], &variables, 2);
    assert!(names.iter().all(|name| errors.contains(&format!("\n  {name}: "))), "{errors}");
    assert_eq!(errors.lines().count(), 1 + names.len(), "{errors}");
}

#[test]
fn a_start_that_production_refuses_has_its_warnings_and_every_fault() {
    let variables = [("APP_ENV", "production"), ("RATE_LOGIN_PER_MINUTE", "0"), ("SMS_BASE_URL", "http://sms.example")];
    let errors = refusal(&[], &variables, 2);
    let lines: Vec<&str> = errors.lines().collect();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{errors}"));
    let heading = at("bank-service: the configuration is not valid:");
    assert!(at("bank-service: warning: RATE_LOGIN_PER_MINUTE: 0 = no limit") < heading, "{errors}");
    assert!(lines[heading + 1..].iter().all(|line| line.starts_with("  ")), "{errors}");
    for fault in [
        "  ADMIN_EMAIL, ADMIN_PASS: no administrator",
        "  SECRET_KEY: ",
        "  SMS_BASE_URL: plain http",
        "  SMS_AUTH_TOKEN: ",
    ] {
        assert!(heading < at(fault), "{errors}");
    }
}

#[test]
fn a_file_that_is_no_database_is_a_fault_of_the_configuration_and_stays_as_it_is() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("bank.sqlite");
    std::fs::write(&file, "the notes of hunter2").unwrap();
    let variables = [KEY, LOG_FILE, ("DATABASE_URL", "sqlite:bank.sqlite"), ("PUBLIC_URL", SECRET)];
    for command in [&["serve"][..], &["init"], &["db", "upgrade"], &["db", "status"], &["rotate-keys"]] {
        let output = run(&place, command, &variables);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {errors}");
        assert!(errors.contains("DATABASE_URL: the file is no SQLite database; expected "), "{command:?}: {errors}");
        assert!(!errors.contains(SECRET), "{errors}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"the notes of hunter2");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "something is left beside the file");
}

#[test]
fn a_schema_older_than_the_release_is_not_served_and_the_remedy_is_named() {
    let place = TempDir::new().unwrap();
    let admin = [("ADMIN_EMAIL", "admin@bank.example"), ("ADMIN_PASS", "correct horse battery staple")];
    assert!(run(&place, &["init"], &[&[KEY], &admin[..]].concat()).status.success());
    assert!(run(&place, &["db", "downgrade"], &[]).status.success());
    let output = run(&place, &[], &[KEY, ("MIGRATE_ON_START", "false")]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    let pending = "migrations are pending (1): run `bank-service db upgrade`";
    assert!(errors.contains(&format!("DATABASE_URL: sqlite:./data/bank.sqlite: {pending}")), "{errors}");
    let report = text(&run(&place, &["doctor"], &[KEY]).stdout);
    assert!(report.contains(&format!("FAIL  DATABASE_URL: {pending}")), "{report}");
}

/// `doctor` connects to each of these; none is there.
#[test]
fn a_raw_at_sign_in_a_password_ends_no_login_and_no_part_of_it_is_shown() {
    let addresses = [
        ("DATABASE_URL", "mysql://u:lefty@righty@127.0.0.1:1/bank"),
        ("AMQP_URI", "amqp://u:lefty@righty@127.0.0.1:1/%2f"),
        ("LOG_SERVICE_URL", "http://u:lefty@righty@127.0.0.1:1"),
        ("EMAIL_SERVICE_URL", "http://u:lefty@righty@127.0.0.1:1"),
    ];
    let report = text(&run(&TempDir::new().unwrap(), &["doctor"], &[&[KEY], &addresses[..]].concat()).stdout);
    for (variable, _) in addresses {
        let line = report.lines().find(|line| line.starts_with(&format!("FAIL  {variable}: "))).unwrap_or_default();
        assert!(line.contains("127.0.0.1:1") || line.contains("onnection refused"), "{variable} in {report}");
    }
    assert!(!report.contains("lefty") && !report.contains("righty"), "{report}");
}

#[test]
fn a_broken_env_file_and_a_wrong_part_of_an_address_are_named_beside_the_other_faults() {
    let place = TempDir::new().unwrap();
    let file = b"PUBLIC_URL=hunter2\nRABBITMQ_PORT=hunter2\nRABBITMQ_HOST=rabbit\n#\xff\n";
    std::fs::write(place.path().join(".env"), file).unwrap();
    let output = run(&place, &["--no-such-flag"], &[KEY, ("WORKERS", SECRET)]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for fault in [
        ".env cannot be read: line 4 is not UTF-8",
        "argument 1: unexpected",
        "WORKERS: ",
        "PUBLIC_URL (.env, line 1): ",
        "AMQP_URI (RABBITMQ_PORT, .env, line 2): ",
    ] {
        assert!(errors.contains(&format!("\n  {fault}")), "{fault} in {errors}");
    }
    assert!(!errors.contains(SECRET), "{errors}");
}

const LOG_FILE: (&str, &str) = ("LOG_FILE", "bank.log");

#[test]
fn a_port_in_use_and_folders_that_cannot_be_written_are_named_at_once() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = held.local_addr().unwrap().to_string();
    // Nobody, not even root, makes a file in `/proc`.
    let folders = [("DATABASE_URL", "sqlite:/proc/new/bank.sqlite"), ("SMS_FOLDER", "/proc/new")];
    let errors = refusal(&[], &[&[KEY, LOG_FILE, ("BANK_BIND", bind.as_str())], &folders[..]].concat(), 2);
    assert!(errors.contains(&format!("  BANK_BIND: {bind} cannot be listened on: the port is in use")), "{errors}");
    for (variable, _) in folders {
        assert!(errors.contains(&format!("  {variable}: cannot be written to (")), "{variable} in {errors}");
    }
    assert_eq!(errors.lines().count(), 4, "{errors}");
}

#[test]
fn a_start_that_cannot_go_on_leaves_no_database_and_no_log_file() {
    let errors = refusal(&[], &[KEY, LOG_FILE, ("APP_ENV", "staging")], 2);
    assert!(errors.contains("no administrator can log in"), "{errors}");
    let errors = refusal(&[], &[KEY, LOG_FILE, ("DATABASE_URL", "mysql://u:hunter2@127.0.0.1:1/bank")], 1);
    assert!(errors.contains("DATABASE_URL: mysql://127.0.0.1:1/bank: the database cannot be reached: "), "{errors}");
    assert!(errors.contains("refused") && errors.contains("; is the server running, and "), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let errors = refusal(&[], &[KEY, LOG_FILE, ("MIGRATE_ON_START", "false")], 1);
    assert!(errors.contains(MISSING), "{errors}");
}

const MISSING: &str =
    "DATABASE_URL: sqlite:./data/bank.sqlite: there is no database yet, or it has no tables: run `bank-service init`";

#[test]
fn an_administrator_without_a_password_is_answered_with_where_it_may_come_from() {
    let errors = refusal(&["create-admin", "--email", "a@bank.example"], &[KEY], 1);
    let expected = "ADMIN_PASS: not set, and no password came on standard input";
    assert!(errors.contains(expected) && errors.lines().count() == 1, "{errors}");
}

#[test]
fn a_command_makes_no_database_and_names_the_one_that_does() {
    let old_key = ("OLD_SECRET_KEY", "a third key of the test suite, long enough to be taken");
    let variables = [KEY, LOG_FILE, old_key, ("AMQP_URI", "amqp://127.0.0.1:1")];
    for command in [
        &["db", "status"][..],
        &["db", "downgrade"],
        &["ledger", "verify"],
        &["ledger", "trial-balance"],
        &["ledger", "export", "--account", "1"],
        &["block-user", "a@example.com"],
        &["create-admin", "--promote-id", "1"],
        &["rotate-keys"],
        &["rotate-secret"],
        &["events", "republish", "--unrouted"],
        &["dead-letters", "replay", "--all"],
    ] {
        let errors = refusal(command, &variables, 1);
        assert!(errors.contains(MISSING) && errors.lines().count() == 1, "{command:?}: {errors}");
    }
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("users.csv"), "customer_id,email\n1,a@example.com\n").unwrap();
    let errors = text(&run(&place, &["import-users", "users.csv", "--apply"], &variables).stderr);
    assert!(errors.contains(MISSING), "{errors}");
    let report = text(&run(&place, &["doctor"], &[KEY]).stdout);
    assert!(report.contains("FAIL  DATABASE_URL: there is no database yet"), "{report}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "something is left beside the file");
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
fn rights_are_those_of_users_of_a_server_and_a_file_has_none() {
    let place = TempDir::new().unwrap();
    assert!(run(&place, &["db", "upgrade"], &[]).status.success());
    for arguments in [&["db", "grants"][..], &["db", "grants", "--apply"]] {
        let output = run(&place, arguments, &[]);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains("DATABASE_URL: a SQLite file has no users"), "{errors}");
    }
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
    assert_eq!(output.status.code(), Some(2), "it is a fault of the configuration");
    let old = [other[0], ("OLD_SECRET_KEY", "a third key of the test suite, long enough to be taken")];
    let output = run(&place, &["rotate-secret"], &old);
    assert!(text(&output.stderr).contains("OLD_SECRET_KEY: is not the key"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&run(&place, &["db", "status"], &[]).stdout), pending);
}

#[test]
fn no_command_leaves_a_file_beside_the_database() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("users.csv"), "customer_id,email\n1,a@example.com\n").unwrap();
    let variables = [
        KEY,
        ("ADMIN_EMAIL", "admin@bank.example"),
        ("ADMIN_PASS", "correct horse battery staple"),
        ("OLD_SECRET_KEY", "a third key of the test suite, long enough to be taken"),
        ("AMQP_URI", "amqp://127.0.0.1:1"),
    ];
    for command in [
        &["init"][..],
        &["db", "status"],
        &["ledger", "verify"],
        &["ledger", "trial-balance"],
        &["doctor"],
        &["import-users", "users.csv"],
        &["import-users", "users.csv", "--apply"],
        &["block-user", "a@example.com"],
        &["create-admin", "--email", "b@example.com"],
        &["rotate-keys"],
        &["rotate-secret"],
        &["events", "republish", "--unrouted"],
        &["dead-letters", "replay", "--all", "--dry-run"],
        &["db", "downgrade"],
        &["db", "upgrade"],
    ] {
        let output = run(&place, command, &variables);
        // Two of them ask the broker, and there is none.
        let expected = !["doctor", "dead-letters"].contains(&command[0]);
        assert_eq!(output.status.success(), expected, "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(left_in(&place), ["bank.sqlite"], "{command:?}");
    }
}

/// The files in the data folder.
fn left_in(place: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(place.path().join("data")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_database_and_the_files_beside_it_are_nothing_else_that_the_service_writes() {
    let made = TempDir::new().unwrap();
    assert!(run(&made, &["db", "upgrade"], &[]).status.success());
    let database = made.path().join("data/bank.sqlite");
    let before = std::fs::read(&database).unwrap();
    for (variable, value) in [
        ("LOG_FILE", "data/bank.sqlite"),
        ("LOG_FILE", "./data/../data/bank.sqlite-wal"),
        ("SMS_FOLDER", "data/bank.sqlite"),
        ("PUSH_FOLDER", "data/bank.sqlite-journal"),
    ] {
        let variables = [KEY, (variable, value)];
        let in_new_place = refusal(&[], &variables, 2);
        let output = run(&made, &[], &variables);
        assert_eq!(output.status.code(), Some(2), "{variable}={value}");
        for errors in [in_new_place, text(&output.stderr)] {
            let expected = format!(": {variable}, DATABASE_URL: the first is a file that the second keeps data in; ");
            assert!(errors.contains(&expected) && errors.lines().count() == 1, "{variable}={value}: {errors}");
        }
    }
    let errors = refusal(&["import-users", "users.csv", "--report", "data/bank.sqlite-wal"], &[KEY], 2);
    assert!(errors.contains(": --report, DATABASE_URL: the first is a file "), "{errors}");
    let other = [KEY, ("DATABASE_URL", "sqlite:other.sqlite"), ("LOG_FILE", "data/bank.sqlite")];
    let errors = text(&run(&made, &[], &other).stderr);
    assert!(errors.contains("LOG_FILE: the file cannot be appended to: it is a SQLite database; "), "{errors}");
    assert_eq!((std::fs::read(&database).unwrap(), left_in(&made)), (before, vec!["bank.sqlite".to_owned()]));
}
