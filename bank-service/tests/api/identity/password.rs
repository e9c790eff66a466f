//! The password is given again, or changed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};

const OTHER: &str = "another horse, another staple";

async fn change(app: &TestApp, token: &str, existing: &str) -> Answer {
    app.put(token, "/auth/password", json!({"existing_password": existing, "new_password": OTHER})).await
}

#[actix_web::test]
async fn a_change_ends_every_other_session() {
    let app = TestApp::start().await;
    let (here, there) = (app.user("a@example.com").await, app.person("a@example.com").await);
    assert_eq!(change(&app, &here.token, "a wrong password").await.outcome(), (401, "invalid_credentials"));
    assert_eq!(change(&app, &here.token, PASSWORD).await.expect(200)["sessions_ended"], 1);
    assert_eq!(app.get(&here.token, "/auth/me").await.status.as_u16(), 200);
    assert_eq!(app.get(&there.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.login("a@example.com", OTHER).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_change_needs_a_password_given_within_five_minutes() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.clock.advance(Duration::from_secs(301));
    assert_eq!(change(&app, &person.token, PASSWORD).await.outcome(), (401, "fresh_token_required"));
    let refreshed =
        app.post_anonymous("/auth/refresh", json!({"refresh_token": person.refresh_token})).await.expect(200);
    let stale = refreshed["access_token"].as_str().unwrap();
    assert_eq!(change(&app, stale, PASSWORD).await.outcome(), (401, "fresh_token_required"));
    let wrong = app.post(stale, "/auth/reauth", json!({"password": "a wrong password"})).await;
    assert_eq!(wrong.outcome(), (401, "invalid_credentials"));
    let fresh = app.post(stale, "/auth/reauth", json!({"password": PASSWORD})).await.expect(200);
    assert_eq!(fresh.get("refresh_token"), None);
    change(&app, fresh["access_token"].as_str().unwrap(), PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn guessing_through_reauthentication_is_slowed_down_like_a_login() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let give = async |password: &str| {
        app.post(&person.token, "/auth/reauth", json!({"password": password})).await.status.as_u16()
    };
    for _ in 0..5 {
        assert_eq!(give("a wrong password").await, 401);
    }
    assert_eq!(give(PASSWORD).await, 401);
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(give(PASSWORD).await, 200);
}

#[actix_web::test]
async fn a_new_password_is_judged_like_a_first_one() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let body = json!({"existing_password": PASSWORD, "new_password": "short", "hint": "x"});
    let answer = app.put(&person.token, "/auth/password", body).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    let names: Vec<_> = answer.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["hint", "new_password"]);
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200);
    assert_eq!(
        app.send(app.request(reqwest::Method::PUT, "/auth/password", None).json(&Value::Null)).await.outcome(),
        (401, "authorization_required")
    );
}
