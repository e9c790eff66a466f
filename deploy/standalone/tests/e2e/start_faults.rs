//! A failed start reports the reason in one line that names the flag or variable, and the expected value.

use std::net::TcpListener;
use std::process::Output;

use crate::process::Place;

/// Fails unless the process failed with one line on standard error that has one of `names` in it.
fn assert_one_line(output: &Output, names: &[&str], hint: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    assert!(!output.status.success(), "it started: {text}");
    assert_eq!(lines.len(), 1, "not one line:\n{text}");
    assert!(names.iter().any(|name| text.contains(name)), "none of {names:?} in: {text}");
    assert!(text.contains(hint), "no {hint:?} in: {text}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for (flag, variable) in [("--bank-bind", "BANK_BIND"), ("--log-bind", "LOG_BIND"), ("--email-bind", "EMAIL_BIND")] {
        let place = Place::new();
        let output = place.run_replacing(flag, &taken).await;
        assert_one_line(&output, &[flag, variable], &taken);
        assert_one_line(&output, &[flag, variable], "in use");
        assert_eq!(output.status.code(), Some(2));
        assert!(!place.data().exists(), "a password would be made and shown to nobody");
    }
}

#[tokio::test]
async fn all_ports_in_use_and_folders_that_cannot_be_written_are_named_at_once_and_nothing_is_left() {
    let held = [0_u16; 3].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let [bank, log, email] = held.each_ref().map(|held| held.local_addr().unwrap().to_string());
    let place = Place::new();
    // Nobody, not even root, makes a file in `/proc`.
    let values = [
        ("--bank-bind", bank.as_str()),
        ("--log-bind", log.as_str()),
        ("--email-bind", email.as_str()),
        ("--data-dir", "/proc/new"),
        ("--mail-url", "mailbox:/proc/mails"),
        ("--log-file", "bank.log"),
    ];
    let output = place.run_with(&values).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 6), "{errors}");
    for name in ["BANK_BIND (--bank-bind)", "LOG_BIND (--log-bind)", "EMAIL_BIND (--email-bind)"] {
        assert!(errors.contains(&format!("\n  {name}: 127.0.0.1:")), "{name} in {errors}");
    }
    for name in ["DATA_DIR (--data-dir)", "MAIL_URL (--mail-url)"] {
        assert!(errors.contains(&format!("\n  {name}: cannot be written to (")), "{name} in {errors}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "something is left behind");
}

#[tokio::test]
async fn a_bind_address_that_is_none_is_named() {
    for (flag, variable) in [("--bank-bind", "BANK_BIND"), ("--log-bind", "LOG_BIND"), ("--email-bind", "EMAIL_BIND")] {
        let output = Place::new().run_replacing(flag, "nowhere").await;
        assert_one_line(&output, &[&format!("{variable} ({flag})")], "HOST:PORT");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("nowhere"), "a value is shown");
    }
}

#[tokio::test]
async fn a_misspelt_flag_is_named_and_a_word_that_may_be_a_value_is_not_shown() {
    assert_one_line(&Place::new().run(&["--demmo"]).await, &["--demmo: unexpected"], "did you mean --demo?");
    let output = Place::new().run(&["--hunter"]).await;
    assert_one_line(&output, &["argument 9: unexpected, there is no such flag; see --help"], "");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter"));
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_or_below_one_is_named() {
    let place = Place::new();
    std::fs::write(place.data(), "a file").unwrap();
    assert_one_line(&place.run(&[]).await, &["--data-dir", "DATA_DIR"], "choose a folder");
    let below = place.data().join("below");
    let output = place.run_replacing("--data-dir", below.to_str().unwrap()).await;
    assert_one_line(&output, &["--data-dir", "DATA_DIR"], "choose a folder");
}

#[tokio::test]
async fn a_data_folder_that_another_process_uses_is_named_and_left_alone() {
    let place = Place::new();
    let system = place.start().await;
    let output = place.run(&[]).await;
    assert_one_line(&output, &["DATA_DIR (--data-dir)"], "in use");
    assert_eq!(output.status.code(), Some(2));
    system.admin().await.create("/api/banks", serde_json::json!({"name": "Undisturbed"})).await;
    system.terminate().await;
}

#[tokio::test]
async fn every_fault_is_named_at_once_and_nothing_is_written() {
    let place = Place::new();
    let mut command = place.command();
    let wrong = [
        ("EMAIL_FROM", "hunter2"),
        ("MAIL_URL", "pigeon://u:hunter2@h"),
        ("ADMIN_EMAIL", "hunter2"),
        ("PUSH_CREDENTIALS_FILE", "hunter2"),
        ("PUSH_BASE_URL", "nix://hunter2"),
        ("DEFAULT_ROLE", "nosuch"),
        ("PUBLIC_URL", "hunter2"),
        ("CORS_ORIGINS", "hunter2"),
        ("MAIL_ALARM_HOURLY", "hunter2"),
        ("OWNER_SETS_BALANCE", "hunter2"),
        ("LEDGER_WRITER", "hunter2"),
        ("IBAN_COUNTRY", "hunter2"),
        ("BANK_BIC", "hunter2"),
        ("LEDGER_TIMEZONE", "hunter2"),
        ("RUST_LOG", "a=b=hunter2"),
        ("LOG_FILE", "bank.log"),
        ("SENTRY_DSN", "hunter2"),
        ("TRUSTED_PROXY", "hunter2"),
    ];
    command.envs(wrong).args(["--rate-login-per-minute", "hunter2", "--admin-pass", "correct", "hunter2"]);
    let output = command.output().await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let named = wrong.iter().map(|(name, _)| *name).filter(|name| !["LOG_FILE", "TRUSTED_PROXY"].contains(name));
    for name in named {
        assert_eq!(errors.matches(&format!("\n  {name}: ")).count(), 1, "{name} in {errors}");
    }
    for part in ["RATE_LOGIN_PER_MINUTE (--rate-login-per-minute): ", "argument 13: an argument was not expected here"]
    {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(!errors.contains("hunter2") && !errors.contains("correct"), "{errors}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "something is left behind");
}

#[tokio::test]
async fn each_fault_that_was_found_late_before_is_found_before_anything_is_written() {
    for (variable, value) in [
        ("EMAIL_FROM", "nobody"),
        ("MAIL_URL", "pigeon://h"),
        ("MAIL_URL", "mailbox:/dev/null/mails"),
        ("MAIL_URL", "mailbox:smtp://u:hunter2@h"),
        ("DATA_DIR", "mysql://u:hunter2@h/bank"),
        ("ADMIN_EMAIL", "nobody"),
        ("ADMIN_PASS", "short"),
        ("PUSH_CREDENTIALS_FILE", "/nowhere/key.json"),
        ("SMS_FOLDER", "/dev/null/texts"),
        ("BANK_BIND", "192.0.2.7:0"),
        ("DEFAULT_ROLE", "nosuch"),
    ] {
        let place = Place::new();
        let output = match variable {
            "BANK_BIND" => place.run_replacing("--bank-bind", value).await,
            "DATA_DIR" => place.run_replacing("--data-dir", value).await,
            _ => place.command().env(variable, value).output().await.unwrap(),
        };
        assert_one_line(&output, &[variable], "");
        assert_eq!(output.status.code(), Some(2), "{variable}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "{variable} shows its value");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{variable} leaves something behind");
    }
}

#[tokio::test]
async fn a_file_of_the_data_folder_that_is_no_database_is_named_and_stays_as_it_is() {
    for file in ["bank.sqlite", "logs.sqlite", "email.sqlite"] {
        let place = Place::new();
        std::fs::create_dir(place.data()).unwrap();
        std::fs::write(place.data().join(file), "notes").unwrap();
        let output = place.run(&[]).await;
        let fault = format!("DATA_DIR (--data-dir): {file}: the file is no SQLite database; ");
        assert_one_line(&output, &[&fault], "expected");
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert_eq!(std::fs::read(place.data().join(file)).unwrap(), b"notes");
        assert_eq!(std::fs::read_dir(place.data()).unwrap().count(), 1, "something is left beside {file}");
    }
}

#[tokio::test]
async fn a_lost_secret_key_is_named_and_no_other_one_is_made() {
    let place = Place::new();
    place.start().await.terminate().await;
    let path = place.data().join("secret.key");
    let key = std::fs::read_to_string(&path).unwrap();
    for rest in [None, Some("\n")] {
        std::fs::remove_file(&path).unwrap();
        if let Some(text) = rest {
            std::fs::write(&path, text).unwrap();
        }
        let output = place.run(&[]).await;
        assert_one_line(&output, &["DATA_DIR (--data-dir): secret.key: missing or empty"], "SECRET_KEY");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), rest, "another key is made");
        std::fs::write(&path, &key).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    let system = place.start_with(|command| {
        command.env("SECRET_KEY", &key);
    });
    system.await.terminate().await;
}

#[tokio::test]
async fn warnings_come_before_the_heading_of_the_faults() {
    let place = Place::new();
    let flags = [("--bank-bind", "0.0.0.0:0"), ("--secret-key", "short"), ("--public-url", "x"), ("--mail-from", "x")];
    let output = place.run_with(&flags).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(2), 4), "{errors}");
    assert!(lines[0].starts_with("bank-standalone: warning: SECRET_KEY: shorter than 32 characters"), "{errors}");
    assert_eq!(lines[1], "bank-standalone: the configuration is not valid:");
}

#[tokio::test]
async fn two_services_at_one_address_are_refused() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = held.local_addr().unwrap();
    drop(held);
    for bank in [free.to_string(), format!("0.0.0.0:{}", free.port())] {
        let place = Place::new();
        let output = place.run_with(&[("--bank-bind", &bank), ("--log-bind", &free.to_string())]).await;
        assert_one_line(&output, &["LOG_BIND (--log-bind): taken by BANK_BIND"], "");
        assert!(!place.data().exists());
    }
}

#[tokio::test]
async fn a_bad_secret_key_log_level_or_administrator_is_named_and_no_secret_is_shown() {
    for (flag, value, name) in [
        ("--log-level", "=nonsense=", "log level"),
        ("--admin-email", "nobody", "ADMIN_EMAIL"),
        ("--admin-pass", "short", "ADMIN_PASS"),
        ("--default-role", "Not A Role", "DEFAULT_ROLE"),
    ] {
        let output = Place::new().run(&[flag, value]).await;
        assert_one_line(&output, &[name, flag], "");
        let secret = flag == "--admin-pass";
        let shown = String::from_utf8_lossy(&output.stderr).contains(&format!("{value:?}"));
        assert!(!(secret && shown), "{flag} is shown");
    }
}

#[tokio::test]
async fn a_file_that_holds_the_data_is_nothing_else_that_the_system_writes() {
    for (flag, variable, value) in [
        ("--log-file", "LOG_FILE", "data/bank.sqlite"),
        ("--log-file", "LOG_FILE", "data/../data/logs.sqlite-wal"),
        ("--log-file", "LOG_FILE", "data/secret.key"),
        ("--mail-url", "MAIL_URL", "mailbox:data/email.sqlite"),
        ("--sms-folder", "SMS_FOLDER", "data/logs.sqlite"),
        ("--push-folder", "PUSH_FOLDER", "data/bank.sqlite-shm/texts"),
    ] {
        let place = Place::new();
        let expected = format!("{variable} ({flag}), DATA_DIR (--data-dir): the first is a file ");
        let output = place.run_with(&[(flag, value)]).await;
        assert_one_line(&output, &[&expected], &format!("; change {variable}"));
        assert_eq!(output.status.code(), Some(2), "{variable}={value}");
        assert!(!place.data().exists(), "{variable}={value} leaves a data folder");
    }
}

#[tokio::test]
async fn a_link_to_a_database_is_no_log_file() {
    let place = Place::new();
    place.start().await.terminate().await;
    let before = std::fs::read(place.data().join("bank.sqlite")).unwrap();
    std::os::unix::fs::symlink("data/bank.sqlite", place.path().join("bank.log")).unwrap();
    let output = place.run(&["--log-file", "bank.log"]).await;
    assert_one_line(&output, &["LOG_FILE (--log-file), DATA_DIR (--data-dir): "], "; change LOG_FILE");
    assert_eq!(std::fs::read(place.data().join("bank.sqlite")).unwrap(), before);
}
