//! What cannot start says why in one line that names the flag or variable, and what is expected instead.

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
    }
}

#[tokio::test]
async fn a_bind_address_that_is_none_is_named() {
    for (flag, variable) in [("--bank-bind", "BANK_BIND"), ("--log-bind", "LOG_BIND"), ("--email-bind", "EMAIL_BIND")] {
        let output = Place::new().run_replacing(flag, "nowhere").await;
        assert_one_line(&output, &[flag, variable], "nowhere");
        assert_one_line(&output, &[flag, variable], "HOST:PORT");
    }
}

#[tokio::test]
async fn an_unknown_flag_is_named() {
    let output = Place::new().run(&["--no-such-flag"]).await;
    assert_one_line(&output, &["--no-such-flag"], "--help");
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
    assert_one_line(&place.run(&[]).await, &["--data-dir", "DATA_DIR"], "in use");
    system.admin().await.create("/api/banks", serde_json::json!({"name": "Undisturbed"})).await;
    system.terminate().await;
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
