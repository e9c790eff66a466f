//! Logins by the four providers.

use reqwest::Method;
use serde_json::{Value, json};
use stand_ins::providers::PROVIDERS;

use crate::fixture::{Fixture, PASSWORD, Person};

/// A program's secret verifier, and its S256 challenge (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Consents at the provider, and gives the parameters of the redirect.
async fn returning(fixture: &Fixture, provider: &str, by: Option<&Person>) -> Value {
    let path = format!("/auth/social/{provider}/start?code_challenge={CHALLENGE}");
    let token = by.map(|by| by.token.as_str());
    let (status, begun) = fixture.send(Method::GET, &path, token, &Value::Null).await;
    assert_eq!(status, 200, "{begun}");
    let (code, state) = fixture.providers.consent(begun["authorization_url"].as_str().unwrap()).await;
    let (code, state) = (fixture.secrets.keep("a provider's code", code), fixture.secrets.keep("a state", state));
    json!({"code": code, "state": state, "code_verifier": VERIFIER})
}

/// A login at each; the second time it is the same user. An address that the provider has not verified is proved by mail.
pub(crate) async fn log_in(fixture: &Fixture) {
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        let email = fixture.address(provider);
        fixture.providers.account(&(7_000 + number).to_string(), Some(&email), true);
        let path = format!("/auth/social/{provider}");
        let first = returning(fixture, provider, None).await;
        let first = fixture.person(&email, &fixture.post(None, &path, first, 200).await);
        let again = returning(fixture, provider, None).await;
        let again = fixture.person(&email, &fixture.post(None, &path, again, 200).await);
        let (me, same) = (fixture.get(&first, "/auth/me").await, fixture.get(&again, "/auth/me").await);
        assert_eq!((&me["email"], &me["id"]), (&json!(email), &same["id"]), "{provider}");
        assert_eq!(me["email_verified"], provider != "facebook", "{provider}");
        let linked = fixture.get(&again, "/auth/social").await;
        assert_eq!((&linked["has_password"], &linked["results"][0]["id"]), (&json!(false), &json!(provider)));
    }
    fixture.inbox.mail(&fixture.address("facebook"), "confirm your e-mail").await;
}

/// Linked to an account with a password, used, announced by mail, and unlinked.
pub(crate) async fn link(fixture: &Fixture) {
    let lea = fixture.register("lea").await;
    fixture.providers.account("7100", Some(&fixture.address("lea-elsewhere")), true);
    let body = returning(fixture, "google", Some(&lea)).await;
    fixture.post(Some(&lea), "/auth/social/google", body, 201).await;
    fixture.inbox.mail(&lea.email, "Login with Google added").await;
    let path = format!("/auth/social/google/start?code_challenge={CHALLENGE}");
    let (_, begun) = fixture.send(Method::GET, &path, None, &Value::Null).await;
    let id_token = fixture.providers.id_token("google", begun["nonce"].as_str());
    let proof = json!({"id_token": fixture.secrets.keep("an id_token", id_token), "code_verifier": VERIFIER});
    let by_google = fixture.person(&lea.email, &fixture.post(None, "/auth/social/google", proof, 200).await);
    assert_eq!(fixture.get(&by_google, "/auth/me").await["email"], lea.email);
    fixture.delete(&lea, "/auth/social/google", Value::Null).await;
    fixture.inbox.mail(&lea.email, "Login with Google removed").await;
    fixture.log_in(&lea.email, PASSWORD).await;
}
