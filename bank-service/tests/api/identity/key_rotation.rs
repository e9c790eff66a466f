//! Signing keys rotate: by age, by command, on several replicas.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::config::Secret;
use tempfile::TempDir;
use test_support::eventually;

use super::tokens::part;
use crate::database;
use crate::harness::{Person, SECRET_KEY, TestApp};

const MAX_AGE: TimeDelta = TimeDelta::days(30);

async fn published(app: &TestApp) -> Vec<String> {
    let set = app.send(app.request(Method::GET, "/.well-known/jwks.json", None)).await.expect(200);
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signed_by(person: &Person) -> String {
    part(&person.token, 0)["kid"].as_str().unwrap().to_owned()
}

async fn tend(app: &TestApp) {
    app.running.state.identity.keys().tend(MAX_AGE).await.unwrap();
}

async fn rotations(app: &TestApp) -> usize {
    let events = app.events().await;
    events.iter().filter(|event| event.event_type.as_str() == "security.keys_rotated").count()
}

/// Runs a command of the service while `app` runs.
async fn run(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.env_clear().current_dir(app.folder.path()).args(arguments).env("SECRET_KEY", SECRET_KEY);
    command.env("DATABASE_URL", database::of(app.folder.path()).await.expose());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[actix_web::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_has_expired() {
    let app = TestApp::start().await;
    let first = signed_by(&app.user("a@example.com").await);
    let next = app.running.state.identity.keys().rotate().await.unwrap().unwrap().kid;
    assert_eq!(published(&app).await.len(), 2, "in the key set at once");
    app.clock.advance(Duration::from_mins(12) - Duration::from_secs(1));
    let last = app.person("a@example.com").await;
    assert_eq!(signed_by(&last), first);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(signed_by(&app.person("a@example.com").await), next);
    app.clock.advance(Duration::from_secs(898));
    assert_eq!(app.get(&last.token, "/auth/me").await.status.as_u16(), 200, "its last token is still good");
    tend(&app).await;
    assert_eq!(published(&app).await.len(), 2);
    app.clock.advance(Duration::from_mins(6));
    assert_eq!(published(&app).await, [next.as_str()]);
    tend(&app).await;
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM signing_keys").await, 1);
}

#[actix_web::test]
async fn replicas_that_find_a_key_too_old_make_one_new_one_between_them() {
    let one = TestApp::start().await;
    let database: Secret = database::of(one.folder.path()).await;
    let folder = TempDir::new().unwrap();
    let two = TestApp::start_in(folder, Arc::clone(&one.clock), |config| config.database_url = database).await;
    let first = published(&one).await;
    assert_eq!(published(&two).await, first);
    one.clock.advance(Duration::from_hours(24 * 30) - Duration::from_secs(1));
    futures_util::future::join(tend(&one), tend(&two)).await;
    assert_eq!(rotations(&one).await, 0, "not old enough");
    one.clock.advance(Duration::from_secs(1));
    let all = (0..10).map(|n| tend(if n % 2 == 0 { &one } else { &two }));
    futures_util::future::join_all(all).await;
    assert_eq!((rotations(&one).await, one.sql_number("SELECT COUNT(*) FROM signing_keys").await), (1, 2));
    tend(&one).await;
    tend(&two).await;
    assert_eq!(published(&one).await, published(&two).await);
    one.clock.advance(Duration::from_mins(12));
    let person = two.user("a@example.com").await;
    assert!(!first.contains(&signed_by(&person)), "the new key signs on both");
    assert_eq!(one.get(&person.token, "/auth/me").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_compromised_key_is_gone_at_once_and_sessions_go_on() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let old = signed_by(&person);
    app.running.state.identity.keys().replace_compromised().await.unwrap();
    assert!(!published(&app).await.contains(&old));
    assert_eq!(app.get(&person.token, "/auth/me").await.outcome(), (401, "invalid_token"));
    let body = json!({"refresh_token": person.refresh_token});
    let tokens = app.post_anonymous("/auth/refresh", body).await.expect(200);
    app.get(tokens["access_token"].as_str().unwrap(), "/auth/me").await.expect(200);
}

#[actix_web::test]
async fn keys_are_rotated_by_command_beside_a_service_that_runs() {
    let app = TestApp::start().await;
    let before = published(&app).await;
    let output = run(&app, &["rotate-keys"]).await;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    tend(&app).await;
    let after = published(&app).await;
    let new: Vec<&String> = after.iter().filter(|kid| !before.contains(kid)).collect();
    assert!(new.len() == 1 && stdout.contains(new[0]), "{stdout}");
    assert_eq!(rotations(&app).await, 1);
    let output = run(&app, &["rotate-keys", "--compromised"]).await;
    assert!(output.status.success());
    tend(&app).await;
    assert!(published(&app).await.iter().all(|kid| !after.contains(kid)));
}

#[actix_web::test]
async fn a_user_is_blocked_by_command_and_let_in_again() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    assert_eq!(app.get(&user.token, "/auth/me").await.status.as_u16(), 200);
    let output = run(&app, &["block-user", "A@example.com"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let is_blocked = async || app.get(&user.token, "/auth/me").await.outcome() == (403, "blocked");
    eventually("the block is noticed", is_blocked).await;
    let output = run(&app, &["block-user", &user.id.to_string(), "--unblock"]).await;
    assert!(output.status.success());
    app.person("a@example.com").await;
    for nobody in ["4711", "nobody@example.com", "no one"] {
        let output = run(&app, &["block-user", nobody]).await;
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{nobody}");
    }
    let events: Vec<Value> = app.events().await.into_iter().map(|event| json!(event.event_type.as_str())).collect();
    for kind in ["security.user_blocked", "security.user_unblocked", "security.sessions_ended"] {
        assert!(events.contains(&json!(kind)), "{kind}");
    }
}
