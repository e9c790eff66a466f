//! Refresh tokens: rotation, races, reuse.

use std::time::Duration;

use serde_json::json;

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

#[actix_web::test]
async fn reuse_ends_the_whole_session_and_is_on_record() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let other = app.person("a@example.com").await;
    let (access, second) = rotated(&app, &person).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(refresh(&app, &person.refresh_token).await.outcome(), (401, "token_revoked"));
    assert_eq!(refresh(&app, &second).await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&access, "/auth/me").await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&other.token, "/auth/me").await.status.as_u16(), 200, "another session lives on");
    let events = app.events().await;
    let reuse: Vec<_> = events.iter().filter(|e| e.event_type.as_str() == "security.refresh_token_reused").collect();
    assert_eq!(reuse.len(), 1);
    assert_eq!(reuse[0].body.data["user_id"], person.id);
}

#[actix_web::test]
async fn of_fifty_parallel_refreshes_one_wins_and_nobody_is_logged_out() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let answers = futures_util::future::join_all((0..50).map(|_| refresh(&app, &person.refresh_token))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status.as_u16() == 200).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.outcome() == (401, "invalid_token")).count(), 49);
    assert_eq!(app.get(&text(winners[0], "access_token"), "/auth/me").await.status.as_u16(), 200);
    assert_eq!(refresh(&app, &text(winners[0], "refresh_token")).await.status.as_u16(), 200);
    assert_eq!(app.get(&person.token, "/auth/me").await.status.as_u16(), 200);
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
