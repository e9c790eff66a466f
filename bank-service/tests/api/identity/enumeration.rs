//! No response reveals whether an address belongs to a user: by status, body, header or time.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::timing::difference;
use crate::harness::{Answer, PASSWORD, TestApp};

const KNOWN: &str = "known@example.com";
const UNKNOWN: &str = "nobody@example.com";
const OTHER: &str = "another horse, another staple";
/// The response without the parts that always differ.
fn visible(answer: Answer) -> (u16, HeaderMap, Value) {
    let Answer { status, mut headers, mut body } = answer;
    for name in ["x-request-id", "date"] {
        headers.remove(name);
    }
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (status.as_u16(), headers, body)
}

async fn same_time(known: impl AsyncFnMut() -> Answer, unknown: impl AsyncFnMut() -> Answer) {
    let seen = difference(known, unknown).await;
    assert_eq!(seen, None, "the time tells them apart in every round: medians in microseconds");
}

#[actix_web::test]
async fn a_forgotten_password_reveals_nothing_about_an_address() {
    let app = TestApp::start().await;
    app.user(KNOWN).await;
    let forgot = async |email: &str| app.post_anonymous("/auth/password/forgot", json!({"email": email})).await;
    let known = visible(forgot(KNOWN).await);
    assert_eq!(known.0, 202);
    assert_eq!(visible(forgot(UNKNOWN).await), known);
    assert_eq!(visible(forgot(KNOWN).await), known, "cooling down");
    assert_eq!(visible(forgot("no address at all").await), known);
    let known = async || {
        // The most expensive case: a new link, a new code and a mail.
        app.clock.advance(Duration::from_mins(1));
        forgot(KNOWN).await
    };
    same_time(known, async || forgot(UNKNOWN).await).await;
}

#[actix_web::test]
async fn a_login_reveals_nothing_about_an_address() {
    let app = TestApp::start().await;
    app.user(KNOWN).await;
    let known = visible(app.login(KNOWN, OTHER).await);
    assert_eq!(known.0, 401);
    assert_eq!(visible(app.login(UNKNOWN, OTHER).await), known);
    same_time(async || app.login(KNOWN, OTHER).await, async || app.login(UNKNOWN, PASSWORD).await).await;
}

#[actix_web::test]
async fn a_reset_by_code_reveals_nothing_about_an_address() {
    let app = TestApp::start().await;
    app.user(KNOWN).await;
    app.post_anonymous("/auth/password/forgot", json!({"email": KNOWN})).await.expect(202);
    let code = app.newest_mail(KNOWN, "reset-password").await.code().to_owned();
    let wrong = if code == "00000000" { "11111111" } else { "00000000" };
    let reset = async |email: &str| {
        let body = json!({"email": email, "verification_code": wrong, "password": OTHER});
        app.post_anonymous("/auth/password/reset", body).await
    };
    let known = visible(reset(KNOWN).await);
    assert_eq!((known.0, &known.2["error"]), (401, &json!("invalid_credentials")));
    assert_eq!(visible(reset(UNKNOWN).await), known);
    same_time(async || reset(KNOWN).await, async || reset(UNKNOWN).await).await;
}

#[actix_web::test]
async fn a_used_link_is_answered_like_one_that_never_was() {
    let app = TestApp::start().await;
    app.user(KNOWN).await;
    let mail = app.newest_mail(KNOWN, "verify-email").await;
    let verify = async |token: &str| app.post_anonymous("/auth/email/verify", json!({"token": token})).await;
    verify(mail.token()).await.expect(200);
    assert_eq!(visible(verify(mail.token()).await), visible(verify(&"A".repeat(43)).await));
}

/// A registration reveals that an address is taken (409), so registrations are limited instead.
#[actix_web::test]
async fn a_registration_of_a_taken_address_reveals_only_that() {
    let app = TestApp::start_with(|config| config.rate_register_per_hour = 2).await;
    let register =
        async |email: &str| app.post_anonymous("/auth/register", json!({"email": email, "password": PASSWORD})).await;
    register(KNOWN).await.expect(201);
    let taken = register("KNOWN@example.com").await;
    assert_eq!(taken.outcome(), (409, "conflict"));
    assert!(!taken.body.to_string().to_lowercase().contains("known@"));
    assert_eq!(register(UNKNOWN).await.outcome(), (429, "too_many_requests"));
}
