//! Logins by another provider that succeed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};
use crate::providers::{PROVIDERS, Providers, with_providers};

/// A program's secret verifier, and its S256 challenge (RFC 7636, appendix B).
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Begins a login like a program; with a token, a link.
pub(super) async fn start(app: &TestApp, provider: &str, token: Option<&str>) -> Value {
    let path = format!("/auth/social/{provider}/start?code_challenge={CHALLENGE}&code_challenge_method=S256");
    app.send(app.request(Method::GET, &path, token)).await.expect(200)
}

/// The body of an app that began a login and got its `id_token` from the provider itself.
pub(super) async fn own_token(app: &TestApp, providers: &Providers, provider: &str, token: Option<&str>) -> Value {
    let started = start(app, provider, token).await;
    let nonce = started["nonce"].as_str().unwrap();
    json!({"id_token": providers.id_token(provider, Some(nonce)), "code_verifier": VERIFIER})
}

/// Begins a login, consents at the provider, and returns the body that a program sends after its callback.
pub(super) async fn returning(app: &TestApp, providers: &Providers, provider: &str, token: Option<&str>) -> Value {
    let started = start(app, provider, token).await;
    let (code, state) = providers.consent(started["authorization_url"].as_str().unwrap()).await;
    assert_eq!(started["state"], json!(state));
    json!({"code": code, "state": state, "code_verifier": VERIFIER})
}

pub(super) async fn finish(app: &TestApp, provider: &str, body: &Value, token: Option<&str>) -> Answer {
    let request = app.request(Method::POST, &format!("/auth/social/{provider}"), token);
    app.send(request.json(body)).await
}

/// Logs in by code; returns the access token.
pub(super) async fn log_in(app: &TestApp, providers: &Providers, provider: &str) -> String {
    let body = returning(app, providers, provider, None).await;
    finish(app, provider, &body, None).await.expect(200)["access_token"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_login_at_each_provider_makes_a_user_and_finds_it_again() {
    let (app, providers) = with_providers(|_| {}).await;
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        let email = format!("{provider}@example.com");
        providers.account(&format!("{}", 2000 + number), Some(&email), true);
        let from = app.events().await.len();
        let token = log_in(&app, &providers, provider).await;
        let me = app.get(&token, "/auth/me").await.expect(200);
        assert_eq!((&me["email"], &me["roles"]), (&json!(email), &json!(["user"])), "{provider}");
        assert_eq!(me["last_login_date"], "2026-01-16T17:10:26Z");
        assert_eq!((&me["first_name"], &me["last_name"]), (&json!("John"), &json!("von Doe")), "{provider}");
        let registered = app.events().await;
        let kinds: Vec<_> = registered[from..].iter().map(|event| event.event_type.to_string()).collect();
        assert!(kinds.contains(&"user.created".to_owned()), "{kinds:?}");
        assert!(kinds.contains(&"security.social_linked".to_owned()), "{kinds:?}");
        assert!(kinds.contains(&"security.login_succeeded".to_owned()), "{kinds:?}");
        let again = log_in(&app, &providers, provider).await;
        assert_eq!(app.get(&again, "/auth/me").await.expect(200)["id"], me["id"], "{provider}");
        let mine = app.get(&again, "/auth/social").await.expect(200);
        assert_eq!((&mine["has_password"], &mine["total"]), (&json!(false), &json!(1)));
        assert_eq!((&mine["results"][0]["id"], &mine["results"][0]["email"]), (&json!(provider), &json!(email)));
        assert_eq!(mine["providers"], json!(PROVIDERS));
    }
    assert_eq!(providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn an_apps_own_tokens_are_taken_and_mean_the_same_user() {
    let (app, providers) = with_providers(|_| {}).await;
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        providers.account(&format!("{}", 3000 + number), Some(&format!("{provider}@example.com")), true);
        let by_code = log_in(&app, &providers, provider).await;
        let id = app.get(&by_code, "/auth/me").await.expect(200)["id"].clone();
        let mut proofs = vec![json!({"access_token": providers.access_token()})];
        if provider != "github" {
            proofs.push(own_token(&app, &providers, provider, None).await);
        }
        for proof in proofs {
            let tokens = finish(&app, provider, &proof, None).await.expect(200);
            let me = app.get(tokens["access_token"].as_str().unwrap(), "/auth/me").await.expect(200);
            assert_eq!(me["id"], id, "{provider} {proof}");
        }
    }
    let answer = finish(&app, "github", &json!({"id_token": "x.y.z"}), None).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    assert!(answer.body["errors"]["id_token"][0].as_str().unwrap().contains("GitHub"));
    assert_eq!(providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn a_phone_apps_token_counts_where_its_client_is_listed() {
    let (app, providers) = with_providers(|_| {}).await;
    let behaviour = |audience: &str, party: &str| crate::providers::Behaviour {
        claims: [("aud", json!(audience)), ("azp", json!(party))].into(),
        ..Default::default()
    };
    for (audience, party, status) in [
        ("google-client", "google-phone-app", 200),
        ("google-phone-app", "google-phone-app", 200),
        ("google-client", "a-strangers-app", 401),
        ("a-strangers-app", "google-client", 401),
    ] {
        providers.behave(behaviour(audience, party));
        let proof = own_token(&app, &providers, "google", None).await;
        let answer = finish(&app, "google", &proof, None).await;
        assert_eq!(answer.status.as_u16(), status, "{audience} {party}");
    }
}

#[actix_web::test]
async fn a_social_user_has_a_fresh_session_and_no_password() {
    let (app, providers) = with_providers(|_| {}).await;
    let token = log_in(&app, &providers, "google").await;
    assert_eq!(app.login("john.doe@example.com", PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.delete(&token, "/auth/social/google").await.outcome(), (409, "conflict"), "fresh, and the last one");
    app.clock.advance(Duration::from_secs(301));
    assert_eq!(app.delete(&token, "/auth/social/google").await.outcome(), (401, "fresh_token_required"));
    let again = log_in(&app, &providers, "google").await;
    assert_eq!(app.delete(&again, "/auth/social/google").await.outcome(), (409, "conflict"));
}

#[actix_web::test]
async fn fifty_first_logins_of_one_identity_make_one_user() {
    let (app, providers) = with_providers(|_| {}).await;
    let proof = json!({"access_token": providers.access_token()});
    let requests = (0..50).map(|_| finish(&app, "google", &proof, None));
    let answers = futures_util::future::join_all(requests).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert!(count(200) >= 1);
    assert_eq!(count(200) + count(503), 50, "{:?}", answers.iter().map(Answer::outcome).collect::<Vec<_>>());
    assert_eq!(app.event_types(0).await.iter().filter(|kind| *kind == "user.created").count(), 1);
    let admin = app.admin().await;
    let users = app.get(&admin.token, "/api/users?email=john.doe@example.com").await.expect(200);
    assert_eq!(users["total"], 1);
}

#[actix_web::test]
async fn a_blocked_user_is_refused_once_it_is_known() {
    let (app, providers) = with_providers(|_| {}).await;
    let admin = app.admin().await;
    let token = log_in(&app, &providers, "github").await;
    let id = app.get(&token, "/auth/me").await.expect(200)["id"].clone();
    app.put(&admin.token, &format!("/api/users/{id}"), json!({"is_blocked": true})).await.expect(200);
    let body = returning(&app, &providers, "github", None).await;
    assert_eq!(finish(&app, "github", &body, None).await.outcome(), (403, "blocked"));
    assert_eq!(app.get(&token, "/auth/social").await.outcome(), (403, "blocked"));
}

#[actix_web::test]
async fn a_deleted_user_leaves_its_identity_free() {
    let (app, providers) = with_providers(|_| {}).await;
    let admin = app.admin().await;
    let token = log_in(&app, &providers, "linkedin").await;
    let id = app.get(&token, "/auth/me").await.expect(200)["id"].clone();
    app.delete(&admin.token, &format!("/api/users/{id}")).await.expect(200);
    let token = log_in(&app, &providers, "linkedin").await;
    assert_ne!(app.get(&token, "/auth/me").await.expect(200)["id"], id);
}

#[actix_web::test]
async fn providers_that_are_not_set_up_and_unknown_ones_are_distinguished() {
    let app = TestApp::start().await;
    let get = async |path: &str| app.send(app.request(Method::GET, path, None)).await;
    assert_eq!(get("/auth/social/google/start").await.outcome(), (422, "validation_failed"));
    assert_eq!(get("/auth/social/myspace/start").await.outcome(), (404, "not_found"));
    let proof = json!({"access_token": "x"});
    assert_eq!(finish(&app, "google", &proof, None).await.outcome(), (422, "validation_failed"));
    assert_eq!(finish(&app, "myspace", &proof, None).await.outcome(), (404, "not_found"));
    assert_eq!(get("/auth/social").await.outcome(), (401, "authorization_required"));
}

#[actix_web::test]
async fn requests_are_checked_like_any_other() {
    let (app, _providers) = with_providers(|_| {}).await;
    for (body, field) in [
        (json!({}), "code"),
        (json!({"code": "c"}), "state"),
        (json!({"state": "s"}), "code"),
        (json!({"code": "c", "state": "s", "id_token": "t"}), "id_token"),
        (json!({"id_token": "t", "access_token": "t"}), "access_token"),
        (json!({"id_token": 7}), "id_token"),
        (json!({"code": "c", "state": "s", "code_verifier": "too short"}), "code_verifier"),
        (json!({"access_token": "t", "code_verifier": VERIFIER}), "code_verifier"),
        (json!({"access_token": "t", "email": "me@example.com"}), "email"),
    ] {
        let answer = finish(&app, "google", &body, None).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{body}");
        assert!(answer.body["errors"][field].is_array(), "{body}: {}", answer.body);
    }
}

#[actix_web::test]
async fn social_logins_from_one_address_are_limited() {
    let (app, _providers) = with_providers(|config| config.rate_login_per_minute = 2).await;
    let proof = json!({"access_token": "nobody's"});
    for _ in 0..2 {
        assert_eq!(finish(&app, "google", &proof, None).await.outcome(), (401, "invalid_credentials"));
        start(&app, "google", None).await;
    }
    assert_eq!(finish(&app, "google", &proof, None).await.outcome(), (429, "too_many_requests"));
    let again = app.send(app.request(Method::GET, "/auth/social/google/start", None)).await;
    assert_eq!(again.outcome(), (429, "too_many_requests"));
}
