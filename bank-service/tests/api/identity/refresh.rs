//! Refresh tokens: rotation, races, reuse.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post_anonymous("/auth/refresh", json!({"refresh_token": token})).await
}

fn text(answer: &Answer, name: &str) -> String {
    answer.body[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {}", answer.body)).to_owned()
}

async fn rotated(app: &TestApp, person: &Person) -> (String, String) {
    let answer = refresh(app, &person.refresh_token).await;
    (text(&answer, "access_token"), text(&answer, "refresh_token"))
}

#[actix_web::test]
async fn a_refresh_token_is_good_for_one_successor() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(app.get(&person.token, "/auth/me").await.outcome(), (401, "token_expired"));
    let (access, second) = rotated(&app, &person).await;
    assert_eq!(app.get(&access, "/auth/me").await.status.as_u16(), 200);
    assert_ne!(second, person.refresh_token);
    assert_eq!(refresh(&app, &second).await.status.as_u16(), 200);
}

async fn refresh_with(app: &TestApp, token: &str, key: &str) -> Answer {
    let request = app.request(reqwest::Method::POST, "/auth/refresh", None).header("Idempotency-Key", key);
    app.send(request.json(&json!({"refresh_token": token}))).await
}

async fn audited(app: &TestApp, kind: &str) -> Vec<Value> {
    let events = app.events().await;
    events.iter().filter(|event| event.event_type.as_str() == kind).map(|event| event.body.data.clone()).collect()
}

#[actix_web::test]
async fn reuse_after_half_a_minute_ends_the_whole_session_and_is_on_record() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let other = app.person("a@example.com").await;
    let (access, second) = rotated(&app, &person).await;
    app.clock.advance(Duration::from_millis(30_001));
    assert_eq!(refresh(&app, &person.refresh_token).await.outcome(), (401, "token_revoked"));
    assert_eq!(refresh(&app, &second).await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&access, "/auth/me").await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&other.token, "/auth/me").await.status.as_u16(), 200, "another session lives on");
    let reuse = audited(&app, "security.refresh_token_reused").await;
    assert_eq!(reuse.len(), 1);
    assert_eq!(reuse[0]["user_id"], person.id);
}

#[actix_web::test]
async fn a_spent_token_that_comes_back_within_half_a_minute_ends_nothing() {
    let app = TestApp::start_with(|config| "127.0.0.1".clone_into(&mut config.trusted_proxies)).await;
    let person = app.user("a@example.com").await;
    let (access, second) = rotated(&app, &person).await;
    app.clock.advance(Duration::from_secs(30));
    let request = app.request(reqwest::Method::POST, "/auth/refresh", None).header("X-Forwarded-For", "192.0.2.7");
    let late = app.send(request.json(&json!({"refresh_token": person.refresh_token}))).await;
    assert_eq!(late.outcome(), (401, "token_spent"));
    assert_eq!(app.get(&access, "/auth/me").await.status.as_u16(), 200);
    assert_eq!(refresh(&app, &second).await.status.as_u16(), 200);
    let spent = audited(&app, "security.refresh_token_spent").await;
    assert_eq!(
        (&spent[0]["remote_addr"], &spent[0]["detail"]),
        (&json!("192.0.2.7"), &json!("first used from 127.0.0.1"))
    );
}

#[actix_web::test]
async fn a_spent_token_whose_successor_is_spent_is_reuse_at_once() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let (_, second) = rotated(&app, &person).await;
    let third = text(&refresh(&app, &second).await, "refresh_token");
    assert_eq!(refresh(&app, &person.refresh_token).await.outcome(), (401, "token_revoked"));
    assert_eq!(refresh(&app, &third).await.outcome(), (401, "token_revoked"));
}

#[actix_web::test]
async fn a_retry_with_the_key_of_the_first_request_gets_the_first_answer_again() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let first = refresh_with(&app, &person.refresh_token, "k1").await.expect(200);
    app.clock.advance(Duration::from_secs(29));
    let again = refresh_with(&app, &person.refresh_token, "k1").await;
    assert_eq!(again.headers["cache-control"], "no-store");
    assert_eq!(again.expect(200), first);
    assert_eq!(refresh_with(&app, &person.refresh_token, "k2").await.outcome(), (401, "token_spent"));
    assert_eq!(refresh(&app, &person.refresh_token).await.outcome(), (401, "token_spent"));
    assert_eq!(refresh(&app, first["refresh_token"].as_str().unwrap()).await.status.as_u16(), 200);
    assert_eq!(
        refresh_with(&app, &person.refresh_token, "k1").await.outcome(),
        (401, "token_revoked"),
        "successor spent"
    );
}

#[actix_web::test]
async fn a_kept_answer_is_sealed_and_given_to_no_ended_session_and_no_blocked_user() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    let first = refresh_with(&app, &person.refresh_token, "k1").await.expect(200);
    assert!(!app.holds(first["refresh_token"].as_str().unwrap()).await);
    let path = format!("/api/users/{}", person.id);
    app.put(&admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert_eq!(refresh_with(&app, &person.refresh_token, "k1").await.outcome(), (403, "blocked"));
    app.put(&admin.token, &path, json!({"is_blocked": false})).await.expect(200);
    assert_eq!(refresh_with(&app, &person.refresh_token, "k1").await.outcome(), (401, "token_revoked"));
}

#[actix_web::test]
async fn of_fifty_parallel_refreshes_one_wins_and_nobody_is_logged_out() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let mut token = person.refresh_token.clone();
    for _ in 0..3 {
        let answers = futures_util::future::join_all((0..50).map(|_| refresh(&app, &token))).await;
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status.as_u16() == 200).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.outcome() == (401, "token_spent")).count(), 49);
        assert_eq!(app.get(&text(winners[0], "access_token"), "/auth/me").await.status.as_u16(), 200);
        token = text(winners[0], "refresh_token");
        // The losing requests count as invalid, of which an address may send 120 a minute.
        app.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(refresh(&app, &token).await.status.as_u16(), 200);
    assert_eq!(app.get(&person.token, "/auth/me").await.status.as_u16(), 200);
}

/// The keys are read again after a minute, even if a thread of the store is the first to need them.
#[actix_web::test]
async fn a_refresh_signs_with_keys_that_are_due_to_be_read_again() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(refresh(&app, &person.refresh_token).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn junk_is_limited_per_address_and_good_tokens_are_not() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let unknown = "A".repeat(43);
    for _ in 0..120 {
        assert_eq!(refresh(&app, &unknown).await.outcome(), (401, "invalid_token"));
    }
    assert_eq!(refresh(&app, &unknown).await.outcome(), (429, "too_many_requests"));
    assert_eq!(refresh(&app, &person.refresh_token).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_session_ends_after_thirty_days_however_often_it_is_refreshed() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let mut token = person.refresh_token.clone();
    for _ in 0..29 {
        app.clock.advance(Duration::from_hours(24));
        token = text(&refresh(&app, &token).await, "refresh_token");
    }
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(refresh(&app, &token).await.outcome(), (401, "token_expired"));
}

#[actix_web::test]
async fn what_is_no_refresh_token_is_refused() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let unknown = "A".repeat(43);
    for bad in [person.token.as_str(), unknown.as_str(), "x"] {
        assert_eq!(refresh(&app, bad).await.outcome(), (401, "invalid_token"));
    }
    assert_eq!(app.get(&person.refresh_token, "/auth/me").await.outcome(), (401, "invalid_token"));
    assert_eq!(app.post_anonymous("/auth/refresh", json!({})).await.status.as_u16(), 422);
}

#[actix_web::test]
async fn a_refreshed_token_is_not_fresh() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let (access, _) = rotated(&app, &person).await;
    let (login, refreshed) = (super::tokens::claims(&person.token), super::tokens::claims(&access));
    assert_eq!((&login["fresh"], &refreshed["fresh"]), (&json!(true), &json!(false)));
    assert_eq!((&login["sid"], &login["auth_time"]), (&refreshed["sid"], &refreshed["auth_time"]));
    assert_ne!(login["jti"], refreshed["jti"]);
}
