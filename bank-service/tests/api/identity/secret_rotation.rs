//! Changing `SECRET_KEY`: all sealed values are sealed again, or none.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::sync::Arc;

use bank_service::app;
use bank_service::config::Config;
use bank_service::sealing::text_message;
use serde_json::{Value, json};
use service_kit::clock::ManualClock;
use service_kit::config::{AppEnv, Secret};
use service_kit::telemetry::Metrics;
use shared_events::events::SmsRequested;
use tempfile::TempDir;

use super::authenticator::{give, secured};
use super::devices::register;
use crate::database;
use crate::harness::{PASSWORD, SECRET_KEY, TestApp};

const NEW_KEY: &str = "another key of the test suite, long enough as well";
const WEAK_KEY: &str = "SECRET";

/// Runs a command on a folder without a running service.
async fn run(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.env_clear().current_dir(folder.path()).args(arguments).envs(variables.iter().copied());
    command.env("DATABASE_URL", database::of(folder.path()).await.expose());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn rotate(folder: &TempDir, old: &str, new: &str) -> Output {
    run(folder, &["rotate-secret"], &[("SECRET_KEY", new), ("OLD_SECRET_KEY", old)]).await
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The reason why a service does not start on this folder.
async fn refusal(folder: &TempDir, clock: &Arc<ManualClock>, key: &str, app_env: AppEnv) -> String {
    let database_url = database::of(folder.path()).await;
    let (secret_key, public_url) = (Some(Secret::new(key)), "https://bank.example".to_owned());
    let config = Config { database_url, secret_key, app_env, public_url, ..Config::default() };
    let refused = app::prepare(config.check().unwrap(), clock.clone(), Metrics::new()).await;
    refused.err().expect("it starts").to_string()
}

#[actix_web::test]
async fn everything_that_was_sealed_opens_under_the_new_key() {
    let app = TestApp::start().await;
    let (ada, bob) = (secured(&app, "ada@example.com").await, app.verified_user("bob@example.com").await);
    register(&app, &bob, "phone", "a-push-token-of-bob").await;
    app.post_anonymous("/auth/password/forgot", json!({"email": "bob@example.com"})).await.expect(202);
    let code = app.newest_mail("bob@example.com", "reset-password").await.code().to_owned();
    app.post(&bob.token, "/auth/phone", json!({"phone": "+491701234567"})).await.expect(202);
    app.login("bob@example.com", "wrong").await;
    let clock = Arc::clone(&app.clock);
    let folder = app.stop().await;

    let (stdout, stderr) = texts(&rotate(&folder, SECRET_KEY, NEW_KEY).await);
    assert!(stdout.contains("1 second factors, 1 signing keys, 1 push tokens"), "{stdout}{stderr}");
    assert!(refusal(&folder, &clock, SECRET_KEY, AppEnv::Development).await.contains("rotate-secret"));

    let app = TestApp::start_in(folder, clock, |config| config.secret_key = Some(Secret::new(NEW_KEY))).await;
    app.get(&ada.person.token, "/auth/me").await.expect(200);
    let challenge = ada.challenge(&app).await;
    give(&app, &challenge, &ada.phone.code(&app)).await.expect(200);
    // The token's hash under the new key still identifies it as Bob's.
    register(&app, &ada.person, "phone", "a-push-token-of-bob").await;
    let bobs = app.get(&bob.token, "/api/devices").await.expect(200)["results"][0]["has_push_token"].clone();
    assert_eq!(bobs, false);
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM counters").await, 0, "under the old key nobody finds them");
    let by_code = json!({"email": "bob@example.com", "verification_code": code, "password": PASSWORD});
    let refused = app.post_anonymous("/auth/password/reset", by_code).await;
    assert_eq!(refused.outcome(), (401, "invalid_credentials"), "a code that was sent is void");
    let requests: Vec<_> = app.events().await.iter().filter_map(|event| event.data::<SmsRequested>().ok()).collect();
    let SmsRequested(request) = &requests[0];
    let text = text_message::open(app.running.state.identity.vault(), request.user_id, &request.sealed).unwrap();
    let code: String = text.text.chars().filter(char::is_ascii_digit).take(6).collect();
    let answer = app.post(&bob.token, "/auth/phone/verify", json!({"code": code})).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.body);
    // The mail waits in the outbox, and its link is still valid.
    let token = app.newest_mail("bob@example.com", "reset-password").await.token().to_owned();
    app.post_anonymous("/auth/password/reset", json!({"token": token, "password": PASSWORD})).await.expect(200);
    let kinds: Vec<String> = app.events().await.iter().map(|event| event.event_type.to_string()).collect();
    assert!(kinds.contains(&"security.keys_rotated".to_owned()));
}

#[actix_web::test]
async fn a_wrong_old_key_changes_nothing_and_a_second_run_neither() {
    let app = TestApp::start().await;
    let ada = secured(&app, "ada@example.com").await;
    let clock = Arc::clone(&app.clock);
    let folder = app.stop().await;
    for (old, new) in
        [("not the key of this database at all", NEW_KEY), (NEW_KEY, "still another key, long enough for it")]
    {
        let output = rotate(&folder, old, new).await;
        let (stdout, stderr) = texts(&output);
        assert!(!output.status.success() && stderr.contains("OLD_SECRET_KEY: "), "{stdout}{stderr}");
        assert!(![old, new].iter().any(|key| stderr.contains(key)), "{stderr}");
    }
    let output = run(&folder, &["rotate-secret"], &[("SECRET_KEY", NEW_KEY)]).await;
    assert!(!output.status.success() && texts(&output).1.contains("OLD_SECRET_KEY: not set"));
    assert!(rotate(&folder, SECRET_KEY, NEW_KEY).await.status.success());
    let again = rotate(&folder, SECRET_KEY, NEW_KEY).await;
    assert!(again.status.success() && texts(&again).0.contains("already"), "{:?}", texts(&again));
    assert!(rotate(&folder, NEW_KEY, SECRET_KEY).await.status.success());
    let app = TestApp::start_in(folder, clock, |_| {}).await;
    ada.log_in(&app).await;
}

/// The folder is one of `bank-standalone`, which keeps the key beside its database.
#[test]
fn the_key_beside_the_database_is_replaced_once_everything_is_sealed_under_the_new_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret.key");
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
        command.env_clear().current_dir(folder.path()).args(arguments).envs(variables.iter().copied());
        command.env("DATABASE_URL", "sqlite:bank.sqlite").output().unwrap()
    };
    let admin = [("SECRET_KEY", SECRET_KEY), ("ADMIN_EMAIL", "admin@bank.example"), ("ADMIN_PASS", PASSWORD)];
    assert!(run(&["init"], &admin).status.success());
    std::fs::write(&path, SECRET_KEY).unwrap();
    let rotate = |old: &str| run(&["rotate-secret"], &[("SECRET_KEY", NEW_KEY), ("OLD_SECRET_KEY", old)]);
    assert!(!rotate("not the key of this database at all").status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), SECRET_KEY);
    for _ in ["the change", "a second run, after a crash before the file was replaced"] {
        let output = rotate(SECRET_KEY);
        assert!(output.status.success() && texts(&output).0.contains("secret.key holds SECRET_KEY now"), "{output:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), NEW_KEY);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, SECRET_KEY).unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "something is left beside the two files");
    std::fs::write(&path, "a key of something else").unwrap();
    assert!(rotate(SECRET_KEY).status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a key of something else");
}

#[actix_web::test]
async fn one_value_that_does_not_open_holds_all_back() {
    let app = TestApp::start().await;
    let ada = secured(&app, "ada@example.com").await;
    secured(&app, "bob@example.com").await;
    app.sql_change("UPDATE totp_factors SET sealed_seed = 'damaged' WHERE user_id = 2").await;
    let clock = Arc::clone(&app.clock);
    let folder = app.stop().await;
    let output = rotate(&folder, SECRET_KEY, NEW_KEY).await;
    assert!(!output.status.success() && texts(&output).1.contains("totp_factors of 2"), "{:?}", texts(&output));
    let app = TestApp::start_in(folder, clock, |_| {}).await;
    ada.log_in(&app).await;
}

#[actix_web::test]
async fn a_database_of_a_weak_key_stays_in_development_until_it_is_sealed_anew() {
    let app = TestApp::start_with(|config| config.secret_key = Some(Secret::new(WEAK_KEY))).await;
    let ada = secured(&app, "ada@example.com").await;
    let clock = Arc::clone(&app.clock);
    let folder = app.stop().await;
    for app_env in [AppEnv::Testing, AppEnv::Staging, AppEnv::Production] {
        let why = refusal(&folder, &clock, NEW_KEY, app_env).await;
        assert!(why.contains("SECRET_KEY: ") && why.contains("rotate-secret"), "{app_env:?}: {why}");
        assert!(why.contains("only development"), "{app_env:?}: {why}");
    }
    // Sealing under another weak key keeps the mark.
    assert!(rotate(&folder, WEAK_KEY, "mysecret").await.status.success());
    assert!(refusal(&folder, &clock, NEW_KEY, AppEnv::Staging).await.contains("only development"));
    let variables = [("SECRET_KEY", NEW_KEY), ("OLD_SECRET_KEY", "mysecret"), ("APP_ENV", "staging")];
    let output = run(&folder, &["rotate-secret"], &variables).await;
    assert!(output.status.success(), "{:?}", texts(&output));
    let staging = |config: &mut Config| {
        config.secret_key = Some(Secret::new(NEW_KEY));
        config.app_env = AppEnv::Staging;
    };
    let app = TestApp::start_in(folder, clock, staging).await;
    ada.log_in(&app).await;
}

/// The line of `doctor` about the key; the rest of its report is about missing servers.
async fn doctor_on_the_key(folder: &TempDir, key: &str, app_env: &str) -> String {
    let others = [("LOG_SERVICE_URL", "http://127.0.0.1:1"), ("PUBLIC_URL", "https://bank.example")];
    let variables = [&[("SECRET_KEY", key), ("APP_ENV", app_env)], &others[..]].concat();
    let (report, errors) = texts(&run(folder, &["doctor"], &variables).await);
    let line = report.lines().find(|line| line.contains("SECRET_KEY: ")).unwrap_or_else(|| panic!("{report}{errors}"));
    assert!(key == WEAK_KEY || !report.contains(key), "{report}");
    line.to_owned()
}

#[actix_web::test]
async fn doctor_reports_a_key_that_is_not_the_databases_and_how_to_change_it() {
    let app = TestApp::start().await;
    let folder = app.stop().await;
    let sound = doctor_on_the_key(&folder, SECRET_KEY, "staging").await;
    assert!(sound.starts_with("ok ") && sound.contains("for the database"), "{sound}");
    let report = doctor_on_the_key(&folder, NEW_KEY, "staging").await;
    assert!(
        report.starts_with("FAIL ") && report.contains("rotate-secret") && report.contains("OLD_SECRET_KEY"),
        "{report}"
    );
    assert_eq!(report.matches("SECRET_KEY: ").count(), 1, "{report}");
    assert!(rotate(&folder, SECRET_KEY, WEAK_KEY).await.status.success());
    assert!(doctor_on_the_key(&folder, WEAK_KEY, "development").await.starts_with("ok "));
    let report = doctor_on_the_key(&folder, NEW_KEY, "staging").await;
    assert!(
        report.starts_with("FAIL ") && report.contains("only development") && report.contains("rotate-secret"),
        "{report}"
    );
    // A database that was never migrated names no key.
    let empty = TempDir::new().unwrap();
    assert!(doctor_on_the_key(&empty, NEW_KEY, "staging").await.starts_with("ok "));
    assert!(!empty.path().join("bank.sqlite").exists(), "doctor makes none");
}

/// The state of an earlier release.
#[actix_web::test]
async fn a_database_that_names_no_key_gets_the_one_that_opens_it() {
    let app = TestApp::start().await;
    app.sql_change("DELETE FROM vault_keys").await;
    let clock = Arc::clone(&app.clock);
    let folder = app.stop().await;
    assert!(refusal(&folder, &clock, NEW_KEY, AppEnv::Development).await.contains("SECRET_KEY: "));
    let app = TestApp::start_in(folder, Arc::clone(&clock), |_| {}).await;
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM vault_keys").await, 1);
    app.sql_change("DELETE FROM vault_keys").await;
    let folder = app.stop().await;
    assert!(!rotate(&folder, "not the key of this database at all", NEW_KEY).await.status.success());
    assert!(rotate(&folder, SECRET_KEY, NEW_KEY).await.status.success());
    let app = TestApp::start_in(folder, clock, |config| config.secret_key = Some(Secret::new(NEW_KEY))).await;
    assert!(app.running.state.identity.key_is_current().await.unwrap());
    let other = json!({"email": "a@example.com", "password": PASSWORD});
    app.post_anonymous("/auth/register", other).await.expect(201);
    assert_ne!(Value::Null, app.login("a@example.com", PASSWORD).await.expect(200)["access_token"]);
}

#[actix_web::test]
async fn a_service_whose_database_gets_another_key_ends_with_that_fault() {
    let app = TestApp::start().await;
    app.running.key_watch().check().await;
    assert!(!app.shutdown.begun());
    app.sql_change("UPDATE vault_keys SET fingerprint = 'another'").await;
    app.running.key_watch().check().await;
    assert!(app.shutdown.begun());
    let fault = app.running.finish().await.unwrap_err();
    assert!(fault.is_wrong_key(), "{fault}");
}
