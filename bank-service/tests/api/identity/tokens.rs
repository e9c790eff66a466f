//! Access tokens: their claims, and invalid ones.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use service_kit::http::auth::{Claims, SigningKey};

use crate::harness::{PASSWORD, TestApp};

pub(super) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The token with another payload under the old signature.
fn with_claims(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(token);
    change(&mut claims);
    let parts: Vec<_> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], encode(&claims), parts[2])
}

#[actix_web::test]
async fn an_access_token_has_the_claims_of_the_contract() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let header = part(&person.token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let token_claims = claims(&person.token);
    let now = 1_768_583_426;
    let expected = json!({
        "sub": person.id.to_string(), "user_id": person.id, "client_id": null, "account_ids": [], "roles": ["user"],
        "fresh": true, "auth_time": now, "iat": now, "nbf": now, "exp": now + 900, "iss": "bank-service",
        "aud": ["bank-service", "log-service", "email-service"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&token_claims[name], value, "{name}");
    }
    assert!(token_claims["sid"].is_string() && token_claims["jti"].is_string());
}

#[actix_web::test]
async fn the_key_set_names_the_key_that_signed() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    for path in ["/.well-known/jwks.json", "/v1/.well-known/jwks.json"] {
        let set = app.send(app.request(reqwest::Method::GET, path, None)).await.expect(200);
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0]["kid"], part(&person.token, 0)["kid"]);
        assert_eq!((&keys[0]["kty"], &keys[0]["crv"]), (&json!("OKP"), &json!("Ed25519")));
        assert!(keys[0].get("d").is_none(), "the private half is shown");
    }
}

#[actix_web::test]
async fn a_tampered_token_is_refused() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let parts: Vec<&str> = person.token.split('.').collect();
    let kid = part(&person.token, 0)["kid"].clone();
    let none = encode(&json!({"alg": "none", "typ": "at+jwt", "kid": kid}));
    let bad = [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        with_claims(&person.token, |claims| claims["roles"] = json!(["admin"])),
        with_claims(&person.token, |claims| claims["exp"] = json!(4_000_000_000_u32)),
        hs256(&app, &person.token).await,
        format!("{}{}", person.token, "A".repeat(5000)),
        "x".to_owned(),
    ];
    for token in &bad {
        assert_eq!(app.get(token, "/auth/me").await.outcome(), (401, "invalid_token"), "{token}");
        assert_eq!(app.get(token, "/api/banks").await.outcome(), (401, "invalid_token"), "{token}");
    }
    let basic = app.client.get(app.url("/auth/me")).basic_auth("a@example.com", Some("x"));
    assert_eq!(app.send(basic).await.outcome(), (401, "invalid_token"));
}

/// The classic algorithm confusion: a MAC keyed with the public key.
async fn hs256(app: &TestApp, token: &str) -> String {
    let set = app.send(app.request(reqwest::Method::GET, "/.well-known/jwks.json", None)).await.expect(200);
    let public = URL_SAFE_NO_PAD.decode(set["keys"][0]["x"].as_str().unwrap()).unwrap();
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(set["keys"][0]["kid"].as_str().unwrap().to_owned());
    let key = jsonwebtoken::EncodingKey::from_secret(&public);
    jsonwebtoken::encode(&header, &claims(token), &key).unwrap()
}

#[actix_web::test]
async fn a_token_of_another_key_is_refused_even_under_a_known_key_id() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let token_claims: Claims = serde_json::from_value(claims(&person.token)).unwrap();
    let stranger = SigningKey::generate();
    let kid = part(&person.token, 0)["kid"].as_str().unwrap().to_owned();
    let disguised = SigningKey::from_pkcs8(&kid, stranger.pkcs8()).unwrap();
    for key in [&stranger, &disguised] {
        let token = key.sign(&token_claims).unwrap();
        assert_eq!(app.get(&token, "/auth/me").await.outcome(), (401, "invalid_token"));
    }
}

#[actix_web::test]
async fn a_genuine_signature_is_not_enough() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let token_claims: Claims = serde_json::from_value(claims(&person.token)).unwrap();
    let keys = app.running.state.identity.keys();
    let accepted = async |change: &dyn Fn(&mut Claims)| {
        let mut claims = token_claims.clone();
        change(&mut claims);
        let answer = app.get(&keys.sign(&claims).unwrap(), "/auth/me").await;
        (answer.status.as_u16(), answer.body["error"].as_str().unwrap_or_default().to_owned())
    };
    let invalid = (401, "invalid_token".to_owned());
    assert_eq!(accepted(&|_| {}).await.0, 200);
    assert_eq!(accepted(&|c| c.aud = vec!["log-service".to_owned()]).await, invalid);
    assert_eq!(accepted(&|c| c.iss = "somebody".to_owned()).await, invalid);
    assert_eq!(accepted(&|c| c.nbf += 60).await, invalid);
    assert_eq!(accepted(&|c| c.sid = None).await, invalid);
    assert_eq!(accepted(&|c| c.user_id = Some(99)).await, invalid);
    assert_eq!(accepted(&|c| c.exp -= 1800).await, (401, "token_expired".to_owned()));
    assert_eq!(accepted(&|c| c.sid = Some("01947028-0a10-7000-8000-0000000000aa".to_owned())).await.1, "token_revoked");
    let service = app.running.state.identity.service_token("bank-service").unwrap();
    assert_eq!(app.get(&service, "/api/users").await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn a_token_expires_after_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    app.clock.advance(Duration::from_secs(899));
    assert_eq!(app.get(&person.token, "/auth/me").await.status.as_u16(), 200);
    app.clock.advance(Duration::from_secs(7));
    assert_eq!(app.get(&person.token, "/auth/me").await.outcome(), (401, "token_expired"));
}

#[actix_web::test]
async fn tokens_survive_a_rotation_and_a_restart() {
    let app = TestApp::start().await;
    let old = app.user("a@example.com").await;
    app.running.state.identity.keys().rotate().await.unwrap();
    app.clock.advance(Duration::from_mins(12));
    let new = app.person("a@example.com").await;
    assert_ne!(part(&old.token, 0)["kid"], part(&new.token, 0)["kid"]);
    let clock = app.clock.clone();
    let app = TestApp::start_in(app.stop().await, clock, |_| {}).await;
    for person in [&old, &new] {
        assert_eq!(app.get(&person.token, "/auth/me").await.status.as_u16(), 200);
    }
    let set = app.send(app.request(reqwest::Method::GET, "/.well-known/jwks.json", None)).await.expect(200);
    assert_eq!(set["keys"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn another_secret_key_is_named_as_the_fault() {
    use bank_service::app;
    use bank_service::config::Config;
    use service_kit::config::Secret;
    let first = TestApp::start().await;
    let clock = first.clock.clone();
    let folder = first.stop().await;
    let config = Config {
        bind: "127.0.0.1:0".parse().unwrap(),
        database_url: crate::database::of(folder.path()).await,
        secret_key: Some(Secret::new("another key of the test suite, as long as the first")),
        ..Config::default()
    };
    let prepared = app::prepare(config.check().unwrap(), clock, service_kit::telemetry::Metrics::new()).await;
    let error = prepared.err().unwrap().to_string();
    assert!(error.starts_with("SECRET_KEY: "), "{error}");
    assert!(!error.contains("test suite"), "{error}");
}

#[actix_web::test]
async fn the_lifetime_of_access_tokens_is_a_setting_that_a_logout_does_not_wait_for() {
    let app = TestApp::start_with(|config| config.access_token_minutes = 60).await;
    let body = json!({"email": "a@example.com", "password": PASSWORD});
    app.post_anonymous("/auth/register", body).await.expect(201);
    let tokens = app.login("a@example.com", PASSWORD).await.expect(200);
    let token = tokens["access_token"].as_str().unwrap();
    let token_claims = claims(token);
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(token_claims["exp"].as_i64().unwrap() - token_claims["iat"].as_i64().unwrap(), 3600);
    app.running.state.identity.keys().rotate().await.unwrap();
    app.clock.advance(Duration::from_mins(59));
    app.running.state.identity.keys().tend(chrono::TimeDelta::days(30)).await.unwrap();
    assert_eq!(app.get(token, "/auth/me").await.status.as_u16(), 200, "its key is published until it expires");
    app.post(token, "/auth/logout", json!({})).await.expect(200);
    assert_eq!(app.get(token, "/auth/me").await.outcome(), (401, "token_revoked"));
}
