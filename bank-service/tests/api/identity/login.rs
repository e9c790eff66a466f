//! Login.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};

/// A refusal as the client sees it, without its request id.
fn visible(mut answer: Answer) -> (u16, Value) {
    answer.body.as_object_mut().unwrap().remove("request_id");
    (answer.status.as_u16(), answer.body)
}

#[actix_web::test]
async fn a_login_gives_tokens_that_are_not_cached() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    let answer = app.login("a@example.com", PASSWORD).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.expect(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(body["refresh_token"].as_str().unwrap().len(), 43);
    let token = body["access_token"].as_str().unwrap();
    let me = app.get(token, "/auth/me").await.expect(200);
    assert_eq!(me["last_login_date"], "2026-01-16T17:10:26Z");
}

#[actix_web::test]
async fn unknown_wrong_and_slowed_down_are_answered_alike() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    let unknown = visible(app.login("nobody@example.com", PASSWORD).await);
    assert_eq!((unknown.0, &unknown.1["error"]), (401, &json!("invalid_credentials")));
    for _ in 0..5 {
        assert_eq!(visible(app.login("a@example.com", "a wrong password").await), unknown);
    }
    assert_eq!(visible(app.login("a@example.com", PASSWORD).await), unknown, "slowed down");
    assert_eq!(visible(app.login("no address at all", PASSWORD).await), unknown);
    assert_eq!(visible(app.login("a@example.com", &"x".repeat(500)).await), unknown);
}

#[actix_web::test]
async fn the_delay_passes_and_success_clears_the_failures() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    let wrong = async || app.login("a@example.com", "a wrong password").await.status.as_u16();
    for _ in 0..5 {
        assert_eq!(wrong().await, 401);
    }
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 401);
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200);
    for _ in 0..4 {
        assert_eq!(wrong().await, 401);
    }
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200, "counted from the start again");
}

#[actix_web::test]
async fn strangers_cannot_lock_a_user_out_for_more_than_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    for _ in 0..20 {
        app.login("a@example.com", "a wrong password").await;
        app.clock.advance(Duration::from_mins(15));
    }
    app.login("a@example.com", "a wrong password").await;
    app.clock.advance(Duration::from_mins(14));
    for _ in 0..10 {
        assert_eq!(app.login("a@example.com", "a wrong password").await.status.as_u16(), 401);
    }
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(
        app.login("a@example.com", PASSWORD).await.status.as_u16(),
        200,
        "attempts in the delay do not extend it"
    );
}

#[actix_web::test]
async fn a_blocked_user_learns_of_it_with_the_right_password_only() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.user("a@example.com").await;
    app.put(&admin.token, &format!("/api/users/{}", user.id), json!({"is_blocked": true})).await.expect(200);
    assert_eq!(app.login("a@example.com", "a wrong password").await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (403, "blocked"));
}

#[actix_web::test]
async fn logins_from_one_address_are_limited() {
    let app = TestApp::start_with(|config| config.rate_login_per_minute = 3).await;
    for _ in 0..3 {
        assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 401);
    }
    let answer = app.login("a@example.com", PASSWORD).await;
    assert_eq!(answer.outcome(), (429, "too_many_requests"));
    assert_eq!(answer.headers["retry-after"], "20");
    app.clock.advance(Duration::from_secs(20));
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 401);
}

#[actix_web::test]
async fn login_requests_are_checked_like_any_other() {
    let app = TestApp::start().await;
    let answer = app.post_anonymous("/auth/login", json!({"email": 7, "remember": true})).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    let names: Vec<_> = answer.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["email", "password", "remember"]);
    let large = json!({"email": "a@example.com", "password": "x".repeat(9000)});
    assert_eq!(app.post_anonymous("/auth/login", large).await.outcome(), (413, "payload_too_large"));
}

#[actix_web::test]
async fn logins_are_on_record_without_addresses() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    app.login("a@example.com", "a wrong password").await;
    app.login("nobody@example.com", PASSWORD).await;
    let events = app.events().await;
    let audit: Vec<_> = events.iter().filter(|event| event.event_type.entity() == "security").collect();
    let kinds: Vec<_> = audit.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["security.login_succeeded", "security.login_failed", "security.login_failed"]);
    assert_eq!(audit[1].body.data["user_id"], user.id);
    assert_eq!(audit[2].body.data["user_id"], Value::Null);
    assert!(audit.iter().all(|event| event.body.data["remote_addr"] == "127.0.0.1"));
    assert!(audit.iter().all(|event| !event.body.data.to_string().contains("@example.com")));
}

#[actix_web::test]
async fn a_login_that_waits_too_long_for_a_core_is_refused_with_retry_after() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    let passwords = app.running.state.identity.passwords();
    let mut taken = Vec::new();
    while let Ok(slot) = passwords.permit().await {
        taken.push(slot);
    }
    let answer = app.login("a@example.com", PASSWORD).await;
    assert_eq!(answer.outcome(), (503, "overloaded"));
    assert_eq!(answer.headers["retry-after"], "2");
    drop(taken);
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200);
}
