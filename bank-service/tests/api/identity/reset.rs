//! Resetting a forgotten password.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};

const ADDRESS: &str = "a@example.com";
const OTHER: &str = "another horse, another staple";

async fn forgot(app: &TestApp, email: &str) -> Answer {
    app.post_anonymous("/auth/password/forgot", json!({"email": email})).await
}

async fn reset(app: &TestApp, body: Value) -> Answer {
    app.post_anonymous("/auth/password/reset", body).await
}

#[actix_web::test]
async fn a_link_sets_another_password_and_ends_every_session() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    forgot(&app, "A@Example.com").await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    assert!(mail.0.params["link"].starts_with("http://127.0.0.1:5000/auth/password/reset/"));
    assert_eq!(mail.0.params["valid_for"], "30 minutes (the code: 10 minutes)");
    let done = reset(&app, json!({"token": mail.token(), "password": OTHER})).await.expect(200);
    assert_eq!(done, json!({"msg": "password set"}));
    assert_eq!(app.get(&person.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    let refreshed = app.post_anonymous("/auth/refresh", json!({"refresh_token": person.refresh_token})).await;
    assert_eq!(refreshed.outcome(), (401, "token_revoked"));
    assert_eq!(app.login(ADDRESS, PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.login(ADDRESS, OTHER).await.status.as_u16(), 200);
    assert_eq!(app.newest_mail(ADDRESS, "notice").await.0.params["subject"], "Your password was reset");
    let events = app.events().await;
    let reset_event = events.iter().find(|event| event.event_type.as_str() == "security.password_reset").unwrap();
    assert_eq!(reset_event.body.user_id.map(i64::from), Some(person.id), "the one who has proved the address did it");
    let code = json!({"email": ADDRESS, "verification_code": mail.code(), "password": PASSWORD});
    assert_eq!(reset(&app, code).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(reset(&app, json!({"token": mail.token(), "password": OTHER})).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_code_does_the_same_for_ten_minutes_and_a_link_for_thirty() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    let by_code = |code: &str| json!({"email": "A@EXAMPLE.com", "verification_code": code, "password": OTHER});
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(reset(&app, by_code(mail.code())).await.outcome(), (401, "invalid_credentials"));
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    reset(&app, by_code(mail.code())).await.expect(200);
    app.clock.advance(Duration::from_mins(1));
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    app.clock.advance(Duration::from_mins(30));
    assert_eq!(reset(&app, json!({"token": mail.token(), "password": OTHER})).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn all_faults_of_a_reset_are_reported_at_once() {
    let app = TestApp::start().await;
    let names = async |body: Value| -> Vec<String> {
        let answer = reset(&app, body).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"));
        answer.body["errors"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(json!({"password": "short"})).await, ["email", "password", "verification_code"]);
    let both = json!({"token": "x", "email": ADDRESS, "verification_code": "1", "password": OTHER, "hint": 1});
    assert_eq!(names(both).await, ["email", "hint", "verification_code"]);
}

#[actix_web::test]
async fn the_page_of_the_link_takes_a_new_password() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    forgot(&app, ADDRESS).await.expect(202);
    let path = format!("/auth/password/reset/{}", app.newest_mail(ADDRESS, "reset-password").await.token());
    let shown = app.send(app.request(Method::GET, &path, None)).await;
    assert!(shown.status.as_u16() == 200 && shown.body.to_string().contains("new-password"), "{}", shown.body);
    let submit = async |password: &str| {
        let form = format!("password={}", password.replace(' ', "+"));
        let request =
            app.request(Method::POST, &path, None).header("content-type", "application/x-www-form-urlencoded");
        app.send(request.body(form)).await.status.as_u16()
    };
    assert_eq!(submit("short").await, 422);
    assert_eq!(submit(&"x".repeat(10_000)).await, 413);
    assert_eq!(submit("another horse and another staple").await, 200);
    assert_eq!(submit("another horse and another staple").await, 401);
    assert_eq!(app.login(ADDRESS, "another horse and another staple").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn of_fifty_who_use_a_link_at_once_one_succeeds() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    let answers = join_all((0..50).map(|_| reset(&app, json!({"token": mail.token(), "password": OTHER})))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!(count(200), 1);
    assert_eq!(count(200) + count(401) + count(503), 50);
}

#[actix_web::test]
async fn wrong_codes_are_counted_up_to_five_and_a_code_is_sent_ten_times_a_day() {
    let app = TestApp::start().await;
    app.verified_user(ADDRESS).await;
    forgot(&app, ADDRESS).await.expect(202);
    let right = app.newest_mail(ADDRESS, "reset-password").await.code().to_owned();
    let wrong = if right == "00000000" { "11111111" } else { "00000000" };
    let by_code = |code: &str| json!({"email": ADDRESS, "verification_code": code, "password": OTHER});
    for _ in 0..5 {
        assert_eq!(reset(&app, by_code(wrong)).await.outcome(), (401, "invalid_credentials"));
    }
    assert_eq!(reset(&app, by_code(&right)).await.outcome(), (401, "invalid_credentials"));
    // From a device known to the account, whose mails are not counted.
    let device = app.login(ADDRESS, PASSWORD).await.expect(200)["device_token"].as_str().unwrap().to_owned();
    for _ in 0..10 {
        app.clock.advance(Duration::from_mins(1));
        let request = app.request(Method::POST, "/auth/password/forgot", None).header("X-Device-Token", &device);
        app.send(request.json(&json!({"email": ADDRESS}))).await.expect(202);
    }
    let last = app.newest_mail(ADDRESS, "reset-password").await;
    assert_eq!(last.0.params.get("code"), None);
    reset(&app, json!({"token": last.token(), "password": OTHER})).await.expect(200);
}
