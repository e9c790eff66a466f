//! Attacks by a stranger on a forgotten password.

use std::net::IpAddr;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::authenticator::{give, secured};
use super::social::{finish, log_in, returning};
use crate::harness::{Answer, PASSWORD, TestApp};
use crate::providers::with_providers;

const ADDRESS: &str = "victim@example.com";
const OTHER: &str = "another horse, another staple";

async fn forgot(app: &TestApp, email: &str) -> Answer {
    app.post_anonymous("/auth/password/forgot", json!({"email": email})).await
}

#[actix_web::test]
async fn the_link_never_follows_the_host_header() {
    let app = TestApp::start_with(|config| "https://bank.example/base/".clone_into(&mut config.public_url)).await;
    app.user(ADDRESS).await;
    let request = app.request(reqwest::Method::POST, "/auth/password/forgot", None);
    let request = request.header("Host", "evil.example").header("X-Forwarded-Host", "evil.example");
    let request = request.header("Forwarded", "host=evil.example").json(&json!({"email": ADDRESS}));
    app.send(request).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    assert_eq!(mail.0.params["link"], format!("https://bank.example/base/auth/password/reset/{}", mail.token()));
    assert!(!mail.0.params.values().any(|value| value.contains("evil")));
}

#[actix_web::test]
async fn one_mail_a_minute_goes_to_the_address_as_it_was_registered() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let spellings = ["VICTIM@example.com", "ｖictim@example.com", " victim@example.com "];
    let answers = join_all((0..50).map(|n| forgot(&app, spellings[n % 3]))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 202));
    let mails = app.mails(ADDRESS).await;
    assert_eq!(mails.iter().filter(|mail| mail.0.template == "reset-password").count(), 1);
    assert!(app.mails("ｖictim@example.com").await.is_empty());
}

#[actix_web::test]
async fn the_limit_per_remote_address_answers_before_anything_is_sent() {
    let app = TestApp::start_with(|config| {
        config.rate_forgot_per_hour = 5;
        "127.0.0.1".clone_into(&mut config.trusted_proxies);
    })
    .await;
    let from = async |client: IpAddr| {
        let request = app.request(reqwest::Method::POST, "/auth/password/forgot", None);
        let request = request.header("X-Forwarded-For", client.to_string()).json(&json!({"email": ADDRESS}));
        app.send(request).await.status.as_u16()
    };
    let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    for _ in 0..5 {
        assert_eq!(from(one).await, 202);
    }
    assert_eq!(from(one).await, 429);
    assert_eq!(from(other).await, 202);
}

#[actix_web::test]
async fn a_blocked_user_gets_no_link_and_an_old_one_does_not_help() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user(ADDRESS).await);
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    app.put(&admin.token, &format!("/api/users/{}", person.id), json!({"is_blocked": true})).await.expect(200);
    let body = json!({"token": mail.token(), "password": OTHER});
    assert_eq!(app.post_anonymous("/auth/password/reset", body).await.outcome(), (401, "invalid_token"));
    app.clock.advance(std::time::Duration::from_mins(2));
    let before = app.mails(ADDRESS).await.len();
    forgot(&app, ADDRESS).await.expect(202);
    assert_eq!(app.mails(ADDRESS).await.len(), before);
}

/// A stranger registers the victim's address, stays logged in, asks for links, and waits.
#[actix_web::test]
async fn the_first_proof_of_an_address_ends_all_that_a_stranger_prepared() {
    let app = TestApp::start().await;
    let stranger = app.user(ADDRESS).await;
    let prepared = app.newest_mail(ADDRESS, "verify-email").await;
    app.post(&stranger.token, "/auth/email/change", json!({"email": "stranger@example.com"})).await.expect(202);
    let trap = app.newest_mail("stranger@example.com", "verify-email").await;
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    app.post_anonymous("/auth/password/reset", json!({"token": mail.token(), "password": OTHER})).await.expect(200);
    assert_eq!(app.get(&stranger.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    let refresh = json!({"refresh_token": stranger.refresh_token});
    assert_eq!(app.post_anonymous("/auth/refresh", refresh).await.outcome(), (401, "token_revoked"));
    assert_eq!(app.login(ADDRESS, PASSWORD).await.outcome(), (401, "invalid_credentials"));
    for token in [trap.token(), prepared.token()] {
        let confirmed = app.post_anonymous("/auth/email/verify", json!({"token": token})).await;
        assert_eq!(confirmed.outcome(), (401, "invalid_token"));
    }
    let tokens: Value = app.login(ADDRESS, OTHER).await.expect(200);
    let me = app.get(tokens["access_token"].as_str().unwrap(), "/auth/me").await.expect(200);
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(ADDRESS), &json!(true)));
}

#[actix_web::test]
async fn line_breaks_and_headers_in_an_address_send_nothing() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let before = app.events().await.len();
    for bad in [
        "victim@example.com\r\nBcc: evil@example.com",
        "victim@example.com,evil@example.com",
        "victim@example.com\u{0}",
        "\"victim\" <victim@example.com>",
        "victim@example.com%0d%0aBcc:evil@example.com",
    ] {
        forgot(&app, bad).await.expect(202);
    }
    let events = app.events().await.split_off(before);
    assert!(events.iter().all(|event| event.event_type.as_str() == "security.password_reset_requested"));
    assert!(events.iter().all(|event| !format!("{:?}", event.body).contains("evil")));
}

#[actix_web::test]
async fn a_reset_does_not_bypass_the_second_factor_of_a_verified_address() {
    let app = TestApp::start().await;
    let user = secured(&app, ADDRESS).await;
    let mail = app.newest_mail(ADDRESS, "verify-email").await;
    app.post(&user.person.token, "/auth/email/verify", json!({"token": mail.token()})).await.expect(200);
    let challenge = user.challenge(&app).await;
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    let done = app.post_anonymous("/auth/password/reset", json!({"token": mail.token(), "password": OTHER})).await;
    assert!(done.expect(200).get("access_token").is_none());
    let late = give(&app, &challenge, &user.phone.code(&app)).await;
    assert_eq!(late.outcome(), (401, "invalid_token"), "a challenge outlived the password it was given for");
    let answer = app.login(ADDRESS, OTHER).await;
    assert_eq!(answer.outcome(), (401, "mfa_required"));
    give(&app, answer.body["mfa_token"].as_str().unwrap(), &user.phone.code(&app)).await.expect(200);
}

/// The second factor and the provider's login are the stranger's, and would let it back in.
#[actix_web::test]
async fn the_first_proof_of_an_address_removes_a_strangers_second_factor_and_logins() {
    let (app, providers) = with_providers(|_| {}).await;
    let stranger = secured(&app, ADDRESS).await;
    let body = returning(&app, &providers, "github", Some(&stranger.person.token)).await;
    finish(&app, "github", &body, Some(&stranger.person.token)).await.expect(201);
    forgot(&app, ADDRESS).await.expect(202);
    let mail = app.newest_mail(ADDRESS, "reset-password").await;
    app.post_anonymous("/auth/password/reset", json!({"token": mail.token(), "password": OTHER})).await.expect(200);
    let tokens = app.login(ADDRESS, OTHER).await.expect(200);
    let linked = app.get(tokens["access_token"].as_str().unwrap(), "/auth/social").await.expect(200);
    assert_eq!(linked["total"], 0, "{linked}");
    let elsewhere = log_in(&app, &providers, "github").await;
    let other = app.get(&elsewhere, "/auth/me").await.expect(200);
    assert_ne!(other["id"], stranger.person.id, "the stranger's login is the owner's still");
}
