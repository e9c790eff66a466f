//! Verifying an address.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

const ADDRESS: &str = "a@example.com";

async fn verify(app: &TestApp, token: &str) -> Answer {
    app.post_anonymous("/auth/email/verify", json!({"token": token})).await
}

async fn is_verified(app: &TestApp, token: &str) -> Value {
    app.get(token, "/auth/me").await.expect(200)["email_verified"].clone()
}

#[actix_web::test]
async fn a_registration_sends_a_link_that_verifies_the_address_once() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    assert_eq!(is_verified(&app, &person.token).await, false);
    let mail = app.newest_mail(ADDRESS, "verify-email").await;
    assert_eq!(mail.0.params["link"], format!("http://127.0.0.1:5000/auth/email/verify/{}", mail.token()));
    assert_eq!(mail.0.params["valid_for"], "24 hours");
    assert!(!app.holds(mail.token()).await, "the link lies in the database");
    assert_eq!(verify(&app, mail.token()).await.expect(200)["msg"], "address verified");
    assert_eq!(is_verified(&app, &person.token).await, true);
    assert_eq!(verify(&app, mail.token()).await.outcome(), (401, "invalid_token"));
    let again = app.post(&person.token, "/auth/email/verification", json!({})).await;
    assert_eq!(again.outcome(), (409, "conflict"));
    assert!(app.events().await.iter().any(|event| event.event_type.as_str() == "security.email_verified"));
}

#[actix_web::test]
async fn the_link_is_sent_again_once_a_minute_and_the_first_stays_good_until_one_is_used() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let first = app.newest_mail(ADDRESS, "verify-email").await;
    let again = async || app.send(app.request(Method::POST, "/auth/email/verification", Some(&person.token))).await;
    let early = again().await;
    assert_eq!(early.outcome(), (429, "too_many_requests"));
    assert_eq!(early.headers["retry-after"], "60");
    app.clock.advance(Duration::from_mins(1));
    let answers = join_all((0..50).map(|_| again())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 202).count(), 1);
    assert_eq!(app.mails(ADDRESS).await.iter().filter(|mail| mail.0.template == "verify-email").count(), 2);
    let second = app.newest_mail(ADDRESS, "verify-email").await;
    app.clock.advance(Duration::from_hours(24) - Duration::from_secs(61));
    let answers = join_all((0..50).map(|_| verify(&app, first.token()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 200).count(), 1);
    assert_eq!(verify(&app, second.token()).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_link_expires_after_a_day_and_what_is_no_link_is_refused_alike() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    app.post_anonymous("/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    let reset = app.newest_mail(ADDRESS, "reset-password").await;
    let mail = app.newest_mail(ADDRESS, "verify-email").await;
    app.clock.advance(Duration::from_mins(5));
    for bad in [reset.token(), &person.token, &person.refresh_token, "x", "../../etc/passwd\r\nX: y", &"A".repeat(43)] {
        assert_eq!(verify(&app, bad).await.outcome(), (401, "invalid_token"), "{bad}");
    }
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(verify(&app, mail.token()).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn opening_the_page_uses_nothing_up_and_its_button_does() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let mail = app.newest_mail(ADDRESS, "verify-email").await;
    let path = format!("/auth/email/verify/{}", mail.token());
    for _ in 0..3 {
        let shown = app.send(app.request(Method::GET, &path, None)).await;
        assert_eq!(shown.status.as_u16(), 200);
        assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("img-src data:") && shown.body.to_string().contains("data:,"), "an icon is asked for");
        assert_eq!(shown.headers["referrer-policy"], "no-referrer");
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert!(!shown.body.to_string().contains(mail.token()) && !shown.body.to_string().contains("<script"));
    }
    assert_eq!(is_verified(&app, &person.token).await, false);
    let pressed = app.send(app.request(Method::POST, &path, None)).await;
    assert_eq!(pressed.status.as_u16(), 200, "{}", pressed.body);
    assert_eq!(is_verified(&app, &person.token).await, true);
    for method in [Method::POST, Method::GET] {
        let again = app.send(app.request(method, &path, None)).await;
        assert!(again.status == 200 && again.body.to_string().contains("Already confirmed"), "{}", again.body);
    }
    let unknown = app.send(app.request(Method::POST, "/v1/auth/email/verify/%3Cscript%3E", None)).await;
    assert!(unknown.status.as_u16() == 401 && !unknown.body.to_string().contains("script"), "{}", unknown.body);
}
