//! Logging in with a second factor, and the attempts to bypass it.

use std::time::Duration;

use serde_json::json;

use super::authenticator::{Authenticator, give, recover, secured};
use super::social::{finish, log_in, returning};
use super::tokens::claims;
use crate::harness::{PASSWORD, TestApp};
use crate::providers::with_providers;

#[actix_web::test]
async fn a_login_requires_the_second_factor_and_takes_it_once() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let challenged = app.login("a@example.com", PASSWORD).await;
    assert_eq!(challenged.outcome(), (401, "mfa_required"));
    assert_eq!(
        (&challenged.headers["cache-control"], &challenged.body["expires_in"]),
        (&"no-store".parse().unwrap(), &json!(300))
    );
    assert!(challenged.body.get("access_token").is_none());
    let challenge = challenged.body["mfa_token"].as_str().unwrap();
    let wrong = user.phone.wrong_code(&app);
    assert_eq!(give(&app, challenge, &wrong).await.outcome(), (401, "invalid_credentials"));
    let answer = give(&app, challenge, &user.phone.code(&app)).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let tokens = answer.expect(200);
    let token_claims = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!((&token_claims["amr"], &token_claims["fresh"]), (&json!(["pwd", "otp", "mfa"]), &json!(true)));
    app.clock.advance(Duration::from_secs(30));
    let again = give(&app, challenge, &user.phone.code(&app)).await;
    assert_eq!(again.outcome(), (401, "invalid_token"), "a challenge is good for one login");
    assert_eq!(app.login("a@example.com", "a wrong password").await.outcome(), (401, "invalid_credentials"));
}

#[actix_web::test]
async fn a_step_counts_once_also_in_another_login() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let (one, two) = (user.challenge(&app).await, user.challenge(&app).await);
    let (code, early) = (user.phone.code(&app), user.phone.code_in(&app, 1));
    give(&app, &one, &code).await.expect(200);
    assert_eq!(give(&app, &two, &code).await.outcome(), (401, "invalid_credentials"));
    give(&app, &two, &early).await.expect(200);
    let three = user.challenge(&app).await;
    for used in [&early, &code] {
        assert_eq!(give(&app, &three, used).await.outcome(), (401, "invalid_credentials"));
    }
    app.clock.advance(Duration::from_mins(1));
    give(&app, &three, &user.phone.code(&app)).await.expect(200);
}

#[actix_web::test]
async fn a_recovery_code_counts_once() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let code = &user.recovery_codes[3];
    let tokens = recover(&app, &user.challenge(&app).await, code).await.expect(200);
    assert_eq!(claims(tokens["access_token"].as_str().unwrap())["amr"], json!(["pwd", "otp", "mfa"]));
    let second = user.challenge(&app).await;
    assert_eq!(recover(&app, &second, code).await.outcome(), (401, "invalid_credentials"));
    let unknown = "0".repeat(32);
    assert_eq!(recover(&app, &second, &unknown).await.outcome(), (401, "invalid_credentials"));
    recover(&app, &second, &user.recovery_codes[4]).await.expect(200);
}

#[actix_web::test]
async fn the_sixth_try_is_refused_even_if_it_is_right() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let challenge = user.challenge(&app).await;
    for _ in 0..5 {
        let wrong = user.phone.wrong_code(&app);
        assert_eq!(give(&app, &challenge, &wrong).await.outcome(), (401, "invalid_credentials"));
    }
    app.clock.advance(Duration::from_secs(30));
    let right = user.phone.code(&app);
    assert_eq!(give(&app, &challenge, &right).await.outcome(), (401, "invalid_token"));
    assert_eq!(recover(&app, &challenge, &user.recovery_codes[0]).await.outcome(), (401, "invalid_token"));
    give(&app, &user.challenge(&app).await, &right).await.expect(200);
}

#[actix_web::test]
async fn many_logins_do_not_get_around_the_delay_of_the_account() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    for _ in 0..5 {
        let challenge = user.challenge(&app).await;
        let wrong = user.phone.wrong_code(&app);
        assert_eq!(give(&app, &challenge, &wrong).await.outcome(), (401, "invalid_credentials"));
    }
    let challenge = user.challenge(&app).await;
    for _ in 0..6 {
        let refused = give(&app, &challenge, &user.phone.code(&app)).await;
        assert_eq!(refused.outcome(), (429, "too_many_requests"), "not even looked at, and no try of the challenge");
        assert_eq!(refused.headers["retry-after"], "5");
    }
    let other = secured(&app, "b@example.com").await;
    give(&app, &other.challenge(&app).await, &other.phone.code(&app)).await.expect(200);
    app.clock.advance(Duration::from_secs(5));
    give(&app, &challenge, &user.phone.code(&app)).await.expect(200);
    let events = app.events().await;
    let count = |kind: &str| events.iter().filter(|event| event.event_type.as_str() == kind).count();
    assert_eq!((count("security.mfa_failed"), count("security.account_locked")), (11, 1));
}

#[actix_web::test]
async fn a_stranger_with_the_password_cannot_lock_the_owner_out() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    for _ in 0..12 {
        let challenge = user.challenge(&app).await;
        let wrong = user.phone.wrong_code(&app);
        assert_eq!(give(&app, &challenge, &wrong).await.outcome(), (401, "invalid_credentials"));
        app.clock.advance(Duration::from_mins(15));
    }
    let challenge = user.challenge(&app).await;
    assert_eq!(give(&app, &challenge, &user.phone.wrong_code(&app)).await.status.as_u16(), 401);
    assert_eq!(give(&app, &challenge, &user.phone.code(&app)).await.status.as_u16(), 429);
    recover(&app, &challenge, &user.recovery_codes[0]).await.expect(200);
    app.clock.advance(Duration::from_mins(15));
    give(&app, &user.challenge(&app).await, &user.phone.code(&app)).await.expect(200);
}

#[actix_web::test]
async fn a_challenge_lasts_five_minutes() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let (early, late) = (user.challenge(&app).await, user.challenge(&app).await);
    app.clock.advance(Duration::from_secs(299));
    give(&app, &early, &user.phone.code(&app)).await.expect(200);
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(give(&app, &late, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn the_challenge_of_another_user_is_no_way_in() {
    let app = TestApp::start().await;
    let (owner, attacker) = (secured(&app, "a@example.com").await, secured(&app, "b@example.com").await);
    let challenge = owner.challenge(&app).await;
    let code = attacker.phone.code(&app);
    assert_eq!(give(&app, &challenge, &code).await.outcome(), (401, "invalid_credentials"));
    let recovery = &attacker.recovery_codes[0];
    assert_eq!(recover(&app, &challenge, recovery).await.outcome(), (401, "invalid_credentials"));
    recover(&app, &attacker.challenge(&app).await, recovery).await.expect(200);
}

#[actix_web::test]
async fn tokens_of_one_kind_are_no_tokens_of_another() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let challenge = user.challenge(&app).await;
    let code = user.phone.code(&app);
    for path in ["/auth/me", "/api/banks"] {
        assert_eq!(app.get(&challenge, path).await.outcome(), (401, "invalid_token"), "{path}");
    }
    let refresh = app.post_anonymous("/auth/refresh", json!({"refresh_token": challenge})).await;
    assert_eq!(refresh.outcome(), (401, "invalid_token"));
    for other in [&user.person.token, &user.person.refresh_token, &"A".repeat(43)] {
        assert_eq!(give(&app, other, &code).await.outcome(), (401, "invalid_token"));
    }
    give(&app, &challenge, &code).await.expect(200);
}

#[actix_web::test]
async fn giving_the_password_again_requires_the_second_factor_too() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    app.clock.advance(Duration::from_mins(6));
    let reauth = async |body| app.post(&user.person.token, "/auth/reauth", body).await;
    let challenged = reauth(json!({"password": PASSWORD})).await;
    assert_eq!(challenged.outcome(), (401, "mfa_required"));
    assert!(challenged.body.get("mfa_token").is_none() && challenged.body.get("access_token").is_none());
    let (right, wrong) = (user.phone.code(&app), user.phone.wrong_code(&app));
    let both = |password: &str, otp: &str| json!({"password": password, "otp": otp});
    for body in [both(PASSWORD, &wrong), both("a wrong password", &right), both("a wrong password", &wrong)] {
        assert_eq!(reauth(body).await.outcome(), (401, "invalid_credentials"));
    }
    let fresh = reauth(both(PASSWORD, &right)).await.expect(200);
    let token_claims = claims(fresh["access_token"].as_str().unwrap());
    assert_eq!((&token_claims["amr"], &token_claims["fresh"]), (&json!(["pwd", "otp", "mfa"]), &json!(true)));
    assert_eq!(reauth(both(PASSWORD, &right)).await.outcome(), (401, "invalid_credentials"), "used");
    reauth(json!({"password": PASSWORD, "recovery_code": user.recovery_codes[0]})).await.expect(200);
}

#[actix_web::test]
async fn a_refresh_neither_freshens_nor_forgets_the_second_factor() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let tokens = user.log_in(&app).await;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let refreshed = app.post_anonymous("/auth/refresh", body).await.expect(200);
    let token = refreshed["access_token"].as_str().unwrap();
    let token_claims = claims(token);
    assert_eq!((&token_claims["amr"], &token_claims["fresh"]), (&json!(["pwd", "otp", "mfa"]), &json!(false)));
    let new = app.post(token, "/auth/mfa/recovery-codes", json!(null)).await;
    assert_eq!(new.outcome(), (401, "fresh_token_required"));
}

#[actix_web::test]
async fn a_block_or_a_new_password_ends_logins_that_are_under_way() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = secured(&app, "a@example.com").await;
    let (first, second) = (user.challenge(&app).await, user.challenge(&app).await);
    let path = format!("/api/users/{}", user.person.id);
    app.put(&admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert_eq!(give(&app, &first, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
    app.put(&admin.token, &path, json!({"is_blocked": false})).await.expect(200);
    assert_eq!(give(&app, &second, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"), "lifted again");
    let (first, second) = (user.challenge(&app).await, user.challenge(&app).await);
    let tokens = give(&app, &first, &user.phone.code(&app)).await.expect(200);
    let body = json!({"existing_password": PASSWORD, "new_password": "another horse, another staple"});
    app.put(tokens["access_token"].as_str().unwrap(), "/auth/password", body).await.expect(200);
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(give(&app, &second, &user.phone.code(&app)).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_forgotten_password_is_no_way_around_the_second_factor() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    // A user with an unverified address may be a stranger, whose second factor the first verification removes.
    let proof = app.newest_mail("a@example.com", "verify-email").await;
    app.post(&user.person.token, "/auth/email/verify", json!({"token": proof.token()})).await.expect(200);
    let under_way = user.challenge(&app).await;
    app.post_anonymous("/auth/password/forgot", json!({"email": "a@example.com"})).await.expect(202);
    let mail = app.newest_mail("a@example.com", "reset-password").await;
    let new = "another horse, another staple";
    let reset = app.post_anonymous("/auth/password/reset", json!({"token": mail.token(), "password": new})).await;
    assert!(reset.expect(200).get("access_token").is_none());
    let code = user.phone.code(&app);
    assert_eq!(give(&app, &under_way, &code).await.outcome(), (401, "invalid_token"), "of the old password");
    let challenged = app.login("a@example.com", new).await;
    assert_eq!(challenged.outcome(), (401, "mfa_required"));
    give(&app, challenged.body["mfa_token"].as_str().unwrap(), &code).await.expect(200);
}

#[actix_web::test]
async fn a_login_by_another_provider_requires_the_second_factor_too() {
    let (app, providers) = with_providers(|_| {}).await;
    providers.account("4711", Some("a@example.com"), true);
    let token = log_in(&app, &providers, "github").await;
    let seed = app.post(&token, "/auth/mfa/totp", json!(null)).await.expect(200);
    let phone = Authenticator::scan(seed["otpauth_url"].as_str().unwrap());
    app.post(&token, "/auth/mfa/totp/verify", json!({"otp": phone.code(&app)})).await.expect(200);
    app.clock.advance(Duration::from_secs(30));
    let body = returning(&app, &providers, "github", None).await;
    let challenged = finish(&app, "github", &body, None).await;
    assert_eq!(challenged.outcome(), (401, "mfa_required"));
    let tokens = give(&app, challenged.body["mfa_token"].as_str().unwrap(), &phone.code(&app)).await.expect(200);
    let token_claims = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!(token_claims["amr"], json!(["fed", "otp", "mfa"]));
}
