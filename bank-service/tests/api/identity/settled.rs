//! The first reset of a password removes everything that may be a stranger's, and keeps everything that its holder has verified.

use serde_json::json;

use super::authenticator::{give, secured};
use super::social::{finish, log_in, returning};
use crate::harness::TestApp;
use crate::providers::with_providers;

const ADDRESS: &str = "victim@example.com";
const OTHER: &str = "another horse, another staple";

async fn reset(app: &TestApp, email: &str) {
    app.post_anonymous("/auth/password/forgot", json!({"email": email})).await.expect(202);
    let token = app.newest_mail(email, "reset-password").await.token().to_owned();
    app.post_anonymous("/auth/password/reset", json!({"token": token, "password": OTHER})).await.expect(200);
}

async fn verification(app: &TestApp, email: &str) -> String {
    app.newest_mail(email, "verify-email").await.token().to_owned()
}

#[actix_web::test]
async fn a_link_that_the_owner_pressed_does_not_keep_a_strangers_login_and_factor() {
    let (app, providers) = with_providers(|_| {}).await;
    let stranger = secured(&app, ADDRESS).await;
    let body = returning(&app, &providers, "github", Some(&stranger.person.token)).await;
    finish(&app, "github", &body, Some(&stranger.person.token)).await.expect(201);
    let token = verification(&app, ADDRESS).await;
    app.post_anonymous("/auth/email/verify", json!({"token": token})).await.expect(200);
    assert_eq!(app.get(&stranger.person.token, "/auth/me").await.status.as_u16(), 200, "the link ends nothing");
    reset(&app, ADDRESS).await;
    app.login(ADDRESS, OTHER).await.expect(200);
    let elsewhere = log_in(&app, &providers, "github").await;
    assert_ne!(app.get(&elsewhere, "/auth/me").await.expect(200)["id"], stranger.person.id);
}

#[actix_web::test]
async fn a_link_that_comes_back_in_a_session_keeps_what_the_account_holds() {
    let app = TestApp::start().await;
    let user = secured(&app, ADDRESS).await;
    let token = verification(&app, ADDRESS).await;
    app.post(&user.person.token, "/auth/email/verify", json!({"token": token})).await.expect(200);
    reset(&app, ADDRESS).await;
    let answer = app.login(ADDRESS, OTHER).await;
    assert_eq!(answer.outcome(), (401, "mfa_required"));
    give(&app, answer.body["mfa_token"].as_str().unwrap(), &user.phone.code(&app)).await.expect(200);
}

#[actix_web::test]
async fn a_second_reset_removes_nothing() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    reset(&app, ADDRESS).await;
    app.clock.advance(std::time::Duration::from_mins(2));
    let tokens = app.login(ADDRESS, OTHER).await.expect(200);
    let device = json!({"device_id": "phone", "device_type": "ios", "push_token": "a-token-of-a-phone"});
    app.post(tokens["access_token"].as_str().unwrap(), "/api/devices", device).await.expect(201);
    reset(&app, ADDRESS).await;
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM devices").await, 1);
}

/// A stranger changes its own account to the owner's address; the owner confirms the link.
#[actix_web::test]
async fn after_a_change_of_address_only_the_session_that_made_it_keeps_what_the_account_holds() {
    for confirmed_in_session in [false, true] {
        let app = TestApp::start().await;
        let user = secured(&app, "first@example.com").await;
        let token = verification(&app, "first@example.com").await;
        app.post(&user.person.token, "/auth/email/verify", json!({"token": token})).await.expect(200);
        app.post(&user.person.token, "/auth/email/change", json!({"email": ADDRESS})).await.expect(202);
        let token = verification(&app, ADDRESS).await;
        let body = json!({"token": token});
        if confirmed_in_session {
            app.post(&user.person.token, "/auth/email/verify", body).await.expect(200);
        } else {
            app.post_anonymous("/auth/email/verify", body).await.expect(200);
        }
        reset(&app, ADDRESS).await;
        let status = app.login(ADDRESS, OTHER).await.status.as_u16();
        assert_eq!(status, if confirmed_in_session { 401 } else { 200 }, "its second factor is asked for, or gone");
    }
}

#[actix_web::test]
async fn a_stale_token_beside_a_good_link_does_no_harm() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    app.clock.advance(std::time::Duration::from_hours(1));
    let token = verification(&app, ADDRESS).await;
    app.post(&person.token, "/auth/email/verify", json!({"token": token})).await.expect(200);
    let me = app.person(ADDRESS).await;
    let me = app.get(&me.token, "/auth/me").await.expect(200);
    assert_eq!((&me["email_verified"], &me["email_verified_on"]), (&json!(true), &json!("2026-01-16T18:10:26Z")));
}
