//! A proof from before a change of the credentials opens no session afterwards.

use bank_service::domain::email::Email;
use bank_service::domain::password::Password;
use bank_service::identity::{FirstFactorPassed, LogInError, LoginAttempt, Origin};
use serde_json::json;

use super::authenticator::{give, secured};
use super::social::{finish, log_in, returning};
use crate::harness::{PASSWORD, Person, TestApp};
use crate::providers::with_providers;

const ADDRESS: &str = "a@example.com";
const OTHER: &str = "another horse, another staple";

/// A login whose password was right, before its admission.
async fn first_factor_passed(app: &TestApp) -> FirstFactorPassed {
    let attempt = LoginAttempt {
        email: Email::parse(ADDRESS).ok(),
        password: Password::for_login(PASSWORD),
        origin: Origin::new("192.0.2.1".parse().unwrap(), None),
    };
    let state = &app.running.state;
    state.identity.check_first_factor(&state.ctx_anonymous(), attempt).await.unwrap()
}

async fn is_refused(app: &TestApp, passed: FirstFactorPassed) -> bool {
    let state = &app.running.state;
    let before = app.sql_number("SELECT COUNT(*) FROM sessions").await;
    let result = state.identity.complete_first_factor(state.ctx_anonymous(), passed).await;
    let opened = app.sql_number("SELECT COUNT(*) FROM sessions").await - before;
    opened == 0 && matches!(result, Err(LogInError::InvalidCredentials | LogInError::Blocked))
}

async fn change(app: &TestApp, person: &Person, new: &str) {
    let body = json!({"existing_password": PASSWORD, "new_password": new});
    app.put(&person.token, "/auth/password", body).await.expect(200);
}

async fn reset_token(app: &TestApp) -> String {
    app.post_anonymous("/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    app.newest_mail(ADDRESS, "reset-password").await.token().to_owned()
}

#[actix_web::test]
async fn a_login_under_way_ends_with_a_change_of_the_password() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let under_way = first_factor_passed(&app).await;
    change(&app, &person, OTHER).await;
    assert!(is_refused(&app, under_way).await);
}

#[actix_web::test]
async fn a_login_under_way_ends_even_if_the_new_password_is_the_old_one() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let under_way = first_factor_passed(&app).await;
    change(&app, &person, PASSWORD).await;
    assert!(is_refused(&app, under_way).await);
}

#[actix_web::test]
async fn a_login_under_way_ends_with_a_reset() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let token = reset_token(&app).await;
    let under_way = first_factor_passed(&app).await;
    app.post_anonymous("/auth/password/reset", json!({"token": token, "password": OTHER})).await.expect(200);
    assert!(is_refused(&app, under_way).await);
}

#[actix_web::test]
async fn a_login_under_way_ends_with_a_logout_everywhere() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let under_way = first_factor_passed(&app).await;
    app.post(&person.token, "/auth/logout_all", json!({})).await.expect(200);
    assert!(is_refused(&app, under_way).await);
}

#[actix_web::test]
async fn a_login_under_way_ends_with_a_block_that_was_lifted_again() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user(ADDRESS).await);
    let under_way = first_factor_passed(&app).await;
    for blocked in [true, false] {
        let body = json!({"is_blocked": blocked});
        app.put(&admin.token, &format!("/api/users/{}", person.id), body).await.expect(200);
    }
    assert!(is_refused(&app, under_way).await);
}

#[actix_web::test]
async fn two_logins_that_renew_the_same_old_hash_both_succeed() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let (one, two) = (first_factor_passed(&app).await, first_factor_passed(&app).await);
    assert!(!is_refused(&app, one).await);
    assert!(!is_refused(&app, two).await);
}

#[actix_web::test]
async fn a_challenge_ends_with_a_block_and_with_a_logout_everywhere() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, secured(&app, ADDRESS).await);
    let challenge = user.challenge(&app).await;
    app.post(&user.person.token, "/auth/logout_all", json!({})).await.expect(200);
    assert_eq!(give(&app, &challenge, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
    let challenge = user.challenge(&app).await;
    for blocked in [true, false] {
        let body = json!({"is_blocked": blocked});
        app.put(&admin.token, &format!("/api/users/{}", user.person.id), body).await.expect(200);
    }
    assert_eq!(give(&app, &challenge, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_challenge_of_a_provider_ends_when_its_login_is_unlinked() {
    let (app, providers) = with_providers(|_| {}).await;
    let user = secured(&app, ADDRESS).await;
    let body = returning(&app, &providers, "google", Some(&user.person.token)).await;
    finish(&app, "google", &body, Some(&user.person.token)).await.expect(201);
    let body = returning(&app, &providers, "google", None).await;
    let answer = finish(&app, "google", &body, None).await;
    assert_eq!(answer.outcome(), (401, "mfa_required"));
    app.delete(&user.person.token, "/auth/social/google").await.expect(200);
    let challenge = answer.body["mfa_token"].as_str().unwrap();
    assert_eq!(give(&app, challenge, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_linking_under_way_ends_with_its_session() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user(ADDRESS).await;
    let body = returning(&app, &providers, "google", Some(&person.token)).await;
    app.post(&person.token, "/auth/logout_all", json!({})).await.expect(200);
    let again = app.person(ADDRESS).await;
    let late = finish(&app, "google", &body, Some(&again.token)).await;
    assert_eq!(late.outcome(), (401, "invalid_credentials"));
    let token = log_in(&app, &providers, "google").await;
    assert_ne!(app.get(&token, "/auth/me").await.expect(200)["id"], person.id);
}

/// None of these pending proofs works any more: the reset by link and by code, and the change of the address.
async fn nothing_under_way_counts(app: &TestApp, reset: &str, code: &str, change: &str) {
    let by_link = json!({"token": reset, "password": OTHER});
    assert_eq!(app.post_anonymous("/auth/password/reset", by_link).await.outcome(), (401, "invalid_token"));
    let by_code = json!({"email": ADDRESS, "verification_code": code, "password": OTHER});
    assert_eq!(app.post_anonymous("/auth/password/reset", by_code).await.outcome(), (401, "invalid_credentials"));
    let confirmed = app.post_anonymous("/auth/email/verify", json!({"token": change})).await;
    assert_eq!(confirmed.outcome(), (401, "invalid_token"));
}

/// Starts every pending proof, like a stranger with a stolen session.
async fn everything_under_way(app: &TestApp, person: &Person) -> (String, String, String) {
    let token = reset_token(app).await;
    let code = app.newest_mail(ADDRESS, "reset-password").await.code().to_owned();
    app.post(&person.token, "/auth/email/change", json!({"email": "evil@example.com"})).await.expect(202);
    (token, code, app.newest_mail("evil@example.com", "verify-email").await.token().to_owned())
}

#[actix_web::test]
async fn a_change_of_the_password_voids_what_is_under_way_but_not_the_verification() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let verification = app.newest_mail(ADDRESS, "verify-email").await;
    let (reset, code, evil) = everything_under_way(&app, &person).await;
    change(&app, &person, PASSWORD).await;
    nothing_under_way_counts(&app, &reset, &code, &evil).await;
    app.post_anonymous("/auth/email/verify", json!({"token": verification.token()})).await.expect(200);
}

#[actix_web::test]
async fn a_logout_everywhere_voids_what_is_under_way() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let (reset, code, evil) = everything_under_way(&app, &person).await;
    app.post(&person.token, "/auth/logout_all", json!({})).await.expect(200);
    nothing_under_way_counts(&app, &reset, &code, &evil).await;
}

#[actix_web::test]
async fn a_block_voids_what_is_under_way_and_the_verification_too() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user(ADDRESS).await);
    let verification = app.newest_mail(ADDRESS, "verify-email").await;
    let (reset, code, evil) = everything_under_way(&app, &person).await;
    for blocked in [true, false] {
        let body = json!({"is_blocked": blocked});
        app.put(&admin.token, &format!("/api/users/{}", person.id), body).await.expect(200);
        nothing_under_way_counts(&app, &reset, &code, &evil).await;
    }
    let late = app.post_anonymous("/auth/email/verify", json!({"token": verification.token()})).await;
    assert_eq!(late.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_change_of_address_does_not_finish_for_a_blocked_user() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    app.post(&person.token, "/auth/email/change", json!({"email": "new@example.com"})).await.expect(202);
    let mail = app.newest_mail("new@example.com", "verify-email").await;
    // The state that a release without voiding on a block would leave.
    app.sql_change("UPDATE users SET is_blocked = TRUE").await;
    let late = app.post_anonymous("/auth/email/verify", json!({"token": mail.token()})).await;
    assert_eq!(late.outcome(), (401, "invalid_token"));
}
