//! Confirming and changing the password.

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
async fn a_new_password_is_checked_like_a_first_one() {
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

#[actix_web::test]
async fn a_change_is_announced_and_makes_links_under_way_void() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.post_anonymous("/auth/password/forgot", json!({"email": "a@example.com"})).await.expect(202);
    let mail = app.newest_mail("a@example.com", "reset-password").await;
    change(&app, &person.token, PASSWORD).await.expect(200);
    let notice = app.newest_mail("a@example.com", "notice").await;
    assert_eq!(notice.0.params["subject"], "Your password was changed");
    let late = app.post_anonymous("/auth/password/reset", json!({"token": mail.token(), "password": PASSWORD})).await;
    assert_eq!(late.outcome(), (401, "invalid_token"));
    let code = json!({"email": "a@example.com", "verification_code": mail.code(), "password": PASSWORD});
    assert_eq!(app.post_anonymous("/auth/password/reset", code).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.login("a@example.com", OTHER).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_user_without_a_password_sets_its_first_one_and_then_needs_it() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let set = async || app.put(&person.token, "/auth/password", json!({"new_password": OTHER})).await;
    let refused = set().await;
    assert_eq!(refused.outcome(), (422, "validation_failed"));
    assert_eq!(refused.body["errors"], json!({"existing_password": ["is required"]}));
    let short = app.put(&person.token, "/auth/password", json!({"new_password": "short"})).await.body["errors"].clone();
    assert_eq!(short["existing_password"], json!(["is required"]), "{short}");
    assert!(short["new_password"].is_array(), "{short}");
    app.sql_change("UPDATE users SET password_hash = NULL").await;
    assert_eq!(change(&app, &person.token, PASSWORD).await.outcome(), (401, "invalid_credentials"));
    app.clock.advance(Duration::from_secs(301));
    assert_eq!(set().await.outcome(), (401, "fresh_token_required"));
}

#[actix_web::test]
async fn of_many_first_passwords_at_once_one_is_set() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.sql_change("UPDATE users SET password_hash = NULL").await;
    // Hashing is the bottleneck: some requests may be refused, but only one password may be set.
    let set = (0..8).map(|_| app.put(&person.token, "/auth/password", json!({"new_password": OTHER})));
    let answers = futures_util::future::join_all(set).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409, 422, 503].contains(status)), "{statuses:?}");
    assert_eq!(app.login("a@example.com", OTHER).await.status.as_u16(), 200);
}
