//! What depends on real time and on more than one process: races by the machine's clock, a second replica.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bank_service::app;
use bank_service::config::Config;
use serde_json::{Value, json};
use service_kit::clock::{ManualClock, SharedClock, SystemClock};
use service_kit::config::Secret;
use service_kit::lifecycle::Shutdown;
use tempfile::TempDir;

use crate::harness::{PASSWORD, SECRET_KEY, TestApp, start_of_tests};
use crate::trace::letters::Letters;

/// A service on the database in `folder`; `kept` is removed with it.
async fn replica(path: &std::path::Path, kept: TempDir, given: SharedClock) -> TestApp {
    let config = Config {
        bind: "127.0.0.1:0".parse().unwrap(),
        database_url: Secret::new(format!("sqlite:{}", path.join("bank.sqlite").display())),
        secret_key: Some(Secret::new(SECRET_KEY)),
        rate_login_per_minute: 0,
        rate_register_per_hour: 0,
        workers: Some(2),
        ..Config::default()
    };
    let shutdown = Shutdown::new();
    let running = app::start(config, given.clone(), shutdown.clone()).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (clock, letters) = (Arc::new(ManualClock::new(start_of_tests())), Letters::new(&given).0);
    TestApp { running, clock, client, shutdown, folder: kept, letters }
}

async fn refresh(app: &TestApp, token: &str) -> (u16, Value) {
    let answer = app.post_anonymous("/auth/refresh", json!({"refresh_token": token})).await;
    (answer.status.as_u16(), answer.body)
}

#[actix_web::test]
async fn a_race_is_told_from_reuse_by_the_clock() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_owned();
    let app = replica(&path, folder, Arc::new(SystemClock)).await;
    let mut token = app.user("a@example.com").await.refresh_token;
    for _ in 0..3 {
        let answers = futures_util::future::join_all((0..50).map(|_| refresh(&app, &token))).await;
        let winners: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(winners.len(), 1);
        token = winners[0].1["refresh_token"].as_str().unwrap().to_owned();
    }
    let (status, next) = refresh(&app, &token).await;
    assert_eq!(status, 200, "a race has logged somebody out");
    // The answer is here: whoever comes with the old token now has no business with it.
    let (status, problem) = refresh(&app, &token).await;
    assert_eq!((status, &problem["error"]), (401, &json!("token_revoked")));
    assert_eq!(refresh(&app, next["refresh_token"].as_str().unwrap()).await.0, 401);
}

#[actix_web::test]
async fn a_revocation_reaches_the_other_replica_within_a_second() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_owned();
    let clock: SharedClock = Arc::new(SystemClock);
    let one = replica(&path, folder, clock.clone()).await;
    let two = replica(&path, TempDir::new().unwrap(), clock).await;
    let person = one.user("a@example.com").await;
    assert_eq!(two.get(&person.token, "/auth/me").await.status.as_u16(), 200, "keys and session are shared");
    one.post(&person.token, "/auth/logout", Value::Null).await.expect(200);
    let revoked = Instant::now();
    while two.get(&person.token, "/auth/sessions").await.status.as_u16() != 401 {
        assert!(revoked.elapsed() < Duration::from_millis(1500), "still taken after {:?}", revoked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    two.running.state.security.keys().replace_compromised().await.unwrap();
    let rotated = two.login("a@example.com", PASSWORD).await.expect(200);
    let met = Instant::now();
    while one.get(rotated["access_token"].as_str().unwrap(), "/auth/me").await.status.as_u16() != 200 {
        assert!(met.elapsed() < Duration::from_secs(5), "the other replica's new key is not found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
