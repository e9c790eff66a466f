//! Setting up and removing a second factor.

use std::collections::BTreeSet;
use std::time::Duration;

use bank_service::domain::qr_code;
use serde_json::{Value, json};

use super::authenticator::{Authenticator, begin, codes, give, recover, secured};
use super::tokens::claims;
use crate::harness::{Answer, PASSWORD, TestApp};

async fn verify(app: &TestApp, token: &str, otp: &str) -> Answer {
    app.post(token, "/auth/mfa/totp/verify", json!({"otp": otp})).await
}

async fn remove(app: &TestApp, token: &str, body: Value) -> Answer {
    app.send(app.request(reqwest::Method::DELETE, "/auth/mfa/totp", Some(token)).json(&body)).await
}

async fn left(app: &TestApp, token: &str) -> Value {
    app.get(token, "/auth/mfa/recovery-codes").await.expect(200)
}

#[actix_web::test]
async fn a_second_factor_is_set_up_by_its_first_code() {
    let app = TestApp::start().await;
    let person = app.user("a+b@example.com").await;
    assert_eq!(left(&app, &person.token).await, json!({"enabled": false, "left": 0}));
    let begun = app.post(&person.token, "/auth/mfa/totp", Value::Null).await;
    assert_eq!(begun.headers["cache-control"], "no-store");
    let url = begun.body["otpauth_url"].as_str().unwrap();
    assert!(url.starts_with("otpauth://totp/Bank:a%2Bb%40example.com?"), "{url}");
    assert!(url.contains(begun.body["secret"].as_str().unwrap()));
    let phone = Authenticator::scan(url);
    assert_eq!(verify(&app, &person.token, &phone.wrong_code(&app)).await.outcome(), (401, "invalid_credentials"));
    app.login("a+b@example.com", PASSWORD).await.expect(200);
    let enabled = verify(&app, &person.token, &phone.code(&app)).await;
    assert_eq!(enabled.headers["cache-control"], "no-store");
    let codes: BTreeSet<String> = codes(&enabled.expect(200)).into_iter().collect();
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 32 && code.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert_eq!(left(&app, &person.token).await, json!({"enabled": true, "left": 10}));
    assert_eq!(verify(&app, &person.token, &phone.code(&app)).await.outcome(), (409, "conflict"));
    let again = app.post(&person.token, "/auth/mfa/totp", Value::Null).await;
    assert_eq!(again.outcome(), (409, "conflict"), "an active factor is not replaced");
}

#[actix_web::test]
async fn the_qr_code_is_shown_once_and_contains_the_url() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let path = "/auth/mfa/totp/qrcode";
    assert_eq!(app.get(&person.token, path).await.outcome(), (404, "not_found"));
    let phone = begin(&app, &person).await;
    let requests = (0..10).map(|_| app.request(reqwest::Method::GET, path, Some(&person.token)).send());
    let answers: Vec<_> = futures_util::future::join_all(requests).await.into_iter().map(Result::unwrap).collect();
    let mut shown: Vec<_> = answers.into_iter().filter(|answer| answer.status().as_u16() == 200).collect();
    assert_eq!(shown.len(), 1);
    let image = shown.remove(0);
    assert_eq!(
        (&image.headers()["content-type"], &image.headers()["cache-control"]),
        (&"image/png".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(image.bytes().await.unwrap(), qr_code::draw(&phone.0.to_url().unwrap()).unwrap());
    assert_eq!(app.get(&person.token, path).await.outcome(), (404, "not_found"));
    begin(&app, &person).await;
    assert_eq!(app.get(&person.token, path).await.status.as_u16(), 200, "another seed has a code of its own");
}

#[actix_web::test]
async fn a_seed_waits_ten_minutes_for_its_first_code() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let first = begin(&app, &person).await;
    let phone = begin(&app, &person).await;
    assert_eq!(verify(&app, &person.token, &first.code(&app)).await.status.as_u16(), 401, "its place was taken");
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(verify(&app, &person.token, &phone.code(&app)).await.outcome(), (404, "not_found"));
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200);
    let fresh = app.person("a@example.com").await;
    assert_eq!(app.get(&fresh.token, "/auth/mfa/totp/qrcode").await.outcome(), (404, "not_found"));
    let phone = begin(&app, &fresh).await;
    verify(&app, &fresh.token, &phone.code(&app)).await.expect(200);
}

#[actix_web::test]
async fn a_change_of_the_password_voids_a_seed_that_waits_for_its_first_code() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let phone = begin(&app, &person).await;
    let body = json!({"existing_password": PASSWORD, "new_password": "another horse, another staple"});
    app.put(&person.token, "/auth/password", body).await.expect(200);
    assert_eq!(app.get(&person.token, "/auth/mfa/totp/qrcode").await.outcome(), (404, "not_found"));
    assert_eq!(verify(&app, &person.token, &phone.code(&app)).await.outcome(), (404, "not_found"));
    let phone = begin(&app, &person).await;
    verify(&app, &person.token, &phone.code(&app)).await.expect(200);
}

#[actix_web::test]
async fn changes_need_a_fresh_token() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let other = app.user("b@example.com").await;
    app.clock.advance(Duration::from_secs(301));
    let stale = (401, "fresh_token_required");
    let token = &user.person.token;
    assert_eq!(app.post(token, "/auth/mfa/recovery-codes", Value::Null).await.outcome(), stale);
    assert_eq!(app.get(&other.token, "/auth/mfa/totp/qrcode").await.outcome(), stale);
    assert_eq!(app.post(&other.token, "/auth/mfa/totp", Value::Null).await.outcome(), stale);
    let body = json!({"password": PASSWORD, "otp": user.phone.code(&app)});
    assert_eq!(remove(&app, token, body).await.outcome(), stale);
    assert_eq!(left(&app, token).await["left"], 10);
}

#[actix_web::test]
async fn activation_ends_the_sessions_that_were_opened_without_it() {
    let app = TestApp::start().await;
    let (here, there) = (app.user("a@example.com").await, app.person("a@example.com").await);
    let phone = begin(&app, &here).await;
    let enabled = verify(&app, &here.token, &phone.code(&app)).await.expect(200);
    assert_eq!(enabled["sessions_ended"], 1);
    assert_eq!(app.get(&there.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    let refresh = async |token: &str| app.post_anonymous("/auth/refresh", json!({"refresh_token": token})).await;
    assert_eq!(refresh(&there.refresh_token).await.outcome(), (401, "token_revoked"));
    assert_eq!(claims(&here.token)["amr"], json!(["pwd"]));
    let refreshed = refresh(&here.refresh_token).await.expect(200);
    let claims_now = claims(refreshed["access_token"].as_str().unwrap());
    assert_eq!((&claims_now["amr"], &claims_now["fresh"]), (&json!(["pwd", "otp", "mfa"]), &json!(false)));
}

#[actix_web::test]
async fn the_factor_is_removed_by_the_password_and_itself() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let token = &user.person.token;
    let (right, wrong) = (user.phone.code(&app), user.phone.wrong_code(&app));
    let both = |password: &str, otp: &str| json!({"password": password, "otp": otp});
    for body in [both("a wrong password", &right), both(PASSWORD, &wrong)] {
        assert_eq!(remove(&app, token, body).await.outcome(), (401, "invalid_credentials"));
    }
    for body in [json!({"otp": right}), json!({"password": PASSWORD}), both(PASSWORD, "x")] {
        assert_eq!(remove(&app, token, body).await.outcome(), (422, "validation_failed"));
    }
    let all = remove(&app, token, json!({"color": "red"})).await.body["errors"].clone();
    assert_eq!(all["password"], json!(["is required"]), "{all}");
    assert!(all["otp"].is_array() && all["color"].is_array(), "{all}");
    let removed = remove(&app, token, both(PASSWORD, &right)).await.expect(200);
    assert_eq!(removed, json!({"msg": "second factor disabled"}));
    assert_eq!(left(&app, token).await, json!({"enabled": false, "left": 0}));
    assert_eq!(remove(&app, token, both(PASSWORD, &right)).await.outcome(), (404, "not_found"));
    app.login("a@example.com", PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn new_recovery_codes_void_the_old_ones() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let challenge = user.challenge(&app).await;
    recover(&app, &challenge, &user.recovery_codes[0]).await.expect(200);
    assert_eq!(left(&app, &user.person.token).await["left"], 9);
    let made = app.post(&user.person.token, "/auth/mfa/recovery-codes", Value::Null).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let new = codes(&made.expect(200));
    assert_eq!(left(&app, &user.person.token).await["left"], 10);
    let challenge = user.challenge(&app).await;
    assert_eq!(recover(&app, &challenge, &user.recovery_codes[1]).await.outcome(), (401, "invalid_credentials"));
    recover(&app, &challenge, &new[1].to_uppercase()).await.expect(200);
    let plain = app.user("b@example.com").await;
    let none = app.post(&plain.token, "/auth/mfa/recovery-codes", Value::Null).await;
    assert_eq!(none.outcome(), (404, "not_found"));
}

#[actix_web::test]
async fn an_administrator_resets_a_lost_factor() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = secured(&app, "a@example.com").await;
    let path = format!("/api/users/{}/mfa", user.person.id);
    assert_eq!(app.delete(&user.person.token, &path).await.outcome(), (403, "access_denied"));
    let before = app.events().await.len();
    let reset = app.delete(&admin.token, &path).await.expect(200);
    assert_eq!(reset, json!({"msg": "item deleted", "item": {"user_id": user.person.id, "kind": "totp"}}));
    assert_eq!(app.get(&user.person.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    let events = app.events().await;
    let kinds: Vec<_> = events[before..].iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["security.mfa_disabled", "security.sessions_ended", "email.requested"]);
    assert_eq!(events[before].body.user_id.map(i64::from), Some(admin.id), "who did it is on record");
    app.login("a@example.com", PASSWORD).await.expect(200);
    assert_eq!(app.delete(&admin.token, &path).await.outcome(), (404, "not_found"));
    assert_eq!(app.delete(&admin.token, "/api/users/4711/mfa").await.outcome(), (404, "not_found"));
}

#[actix_web::test]
async fn the_owner_is_notified_by_mail_and_no_secret_is_in_any_event_or_table() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let challenge = user.challenge(&app).await;
    recover(&app, &challenge, &user.recovery_codes[0]).await.expect(200);
    let otp = user.phone.code(&app);
    remove(&app, &user.person.token, json!({"password": PASSWORD, "otp": otp})).await.expect(200);
    let events = app.events().await;
    let mails = events.iter().filter(|event| event.event_type.as_str() == "email.requested");
    let mails: Vec<&Value> = mails.map(|event| &event.body.data).filter(|data| data["template"] == "notice").collect();
    let subjects: Vec<_> = mails.iter().map(|mail| mail["params"]["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Two-factor login is on", "A recovery code was used", "Two-factor login is off"]);
    assert!(mails.iter().all(|mail| mail["to"] == "a@example.com"));
    let seed = user.phone.0.secret().to_base32();
    let secrets = [seed.as_str(), challenge.as_str(), &user.recovery_codes[0], &user.recovery_codes[1]];
    let dump = app.dump().await;
    for secret in secrets {
        assert!(!events.iter().any(|event| format!("{} {}", event.body.message, event.body.data).contains(secret)));
        assert!(!dump.windows(secret.len()).any(|window| window == secret.as_bytes()), "readable in the database");
    }
    let raw = user.phone.0.secret().as_bytes();
    assert!(!dump.windows(raw.len()).any(|window| window == raw), "the seed is readable in the database");
}

#[actix_web::test]
async fn requests_are_checked_like_any_other() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    for body in [json!({}), json!({"otp": -123_456}), json!({"otp": "12345"}), json!({"otp": "123456", "x": 1})] {
        let answer = app.post(&user.person.token, "/auth/mfa/totp/verify", body).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"));
    }
    for body in [
        json!({"mfa_token": "x"}),
        json!({"otp": "123456"}),
        json!({"mfa_token": "x", "otp": "123456", "recovery_code": user.recovery_codes[0]}),
        json!({"mfa_token": "x", "recovery_code": "abc"}),
    ] {
        assert_eq!(app.post_anonymous("/auth/login/mfa", body).await.outcome(), (422, "validation_failed"));
    }
    for path in ["/auth/mfa/totp", "/auth/mfa/totp/verify", "/auth/mfa/recovery-codes"] {
        let answer = app.post_anonymous(path, json!({"otp": "123456"})).await;
        assert_eq!(answer.outcome(), (401, "authorization_required"), "{path}");
    }
    assert_eq!(give(&app, "x", "123456").await.outcome(), (401, "invalid_token"));
}
