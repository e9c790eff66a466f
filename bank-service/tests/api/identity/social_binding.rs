//! The binding of a login that was begun: code and state alone do not complete it, nor does an `id_token` used before.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::social::{CHALLENGE, VERIFIER, finish, own_token, returning, start};
use super::social_refusals::{OIDC, REFUSED};
use crate::harness::{Answer, TestApp};
use crate::providers::{PROVIDERS, Providers, with_providers};

/// Headers of a page of the service itself, of a page on another origin, and of an old browser.
const OWN_PAGE: [(&str, &str); 1] = [("Sec-Fetch-Site", "same-origin")];
const OTHER_ORIGIN: [(&str, &str); 2] = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://shop.example")];
const OLD_BROWSER: [(&str, &str); 1] = [("Origin", "https://bank.example")];

/// Begins a login with these headers; returns the cookie and the response.
async fn begin(app: &TestApp, provider: &str, query: &str, headers: &[(&str, &str)]) -> (String, Value) {
    let path = format!("/auth/social/{provider}/start{query}");
    let mut request = app.request(Method::GET, &path, None);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.send(request).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    (cookie.split(';').next().unwrap().to_owned(), answer.expect(200))
}

/// The provider's callback after consent.
async fn consent(providers: &Providers, begun: &Value) -> Value {
    let (code, state) = providers.consent(begun["authorization_url"].as_str().unwrap()).await;
    json!({"code": code, "state": state})
}

async fn end(app: &TestApp, provider: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.client.post(app.url(&format!("/auth/social/{provider}"))).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request).await
}

fn verified(mut body: Value, verifier: &str) -> Value {
    body["code_verifier"] = json!(verifier);
    body
}

/// The address of a callback leaks from a history or a log, or an app intercepts it.
#[actix_web::test]
async fn code_and_state_of_a_browser_are_worth_nothing_without_its_cookie() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in PROVIDERS {
        providers.account(&provider.len().to_string(), Some(&format!("{provider}@example.com")), true);
        for began in [&OWN_PAGE[..], &OLD_BROWSER, &[("Cookie", "theme=dark")]] {
            let thieves = begin(&app, provider, "", began).await.0;
            let thefts: [&[(&str, &str)]; 4] = [
                &[],
                &[("Cookie", "theme=dark")],
                &[("Cookie", &thieves), ("Sec-Fetch-Site", "same-origin")],
                &[("Origin", "https://bank.example")],
            ];
            for headers in thefts {
                let body = consent(&providers, &begin(&app, provider, "", began).await.1).await;
                let answer = end(&app, provider, &body, headers).await;
                assert_eq!(answer.outcome(), REFUSED, "{provider} {began:?} {headers:?}");
                let body = verified(consent(&providers, &begin(&app, provider, "", began).await.1).await, VERIFIER);
                assert_eq!(end(&app, provider, &body, headers).await.outcome(), REFUSED, "{provider}: a verifier");
            }
            let (cookie, begun) = begin(&app, provider, "", began).await;
            let (cookies, body) = (format!("theme=dark; {cookie}"), consent(&providers, &begun).await);
            end(&app, provider, &body, &[("Cookie", &cookies)]).await.expect(200);
            assert_eq!(end(&app, provider, &body, &[("Cookie", &cookies)]).await.outcome(), REFUSED, "once");
        }
    }
    assert_eq!(providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn a_browser_ends_what_it_has_begun_whatever_headers_it_leaves_out() {
    let (app, providers) = with_providers(|_| {}).await;
    for (began, ended) in [(&OWN_PAGE[..], &[][..]), (&OLD_BROWSER, &OWN_PAGE), (&[], &[]), (&[], &OWN_PAGE)] {
        let (cookie, begun) = begin(&app, "google", "", began).await;
        let body = consent(&providers, &begun).await;
        let headers: Vec<_> = ended.iter().copied().chain([("Cookie", cookie.as_str())]).collect();
        end(&app, "google", &body, &headers).await.expect(200);
    }
}

#[actix_web::test]
async fn a_page_with_a_challenge_needs_cookie_and_verifier_and_one_of_another_origin_the_verifier() {
    let (app, providers) = with_providers(|_| {}).await;
    let query = format!("?code_challenge={CHALLENGE}");
    for (cookie_sent, verifier, status) in
        [(false, Some(VERIFIER), 401), (true, None, 401), (true, Some(CHALLENGE), 401), (true, Some(VERIFIER), 200)]
    {
        let (cookie, begun) = begin(&app, "google", &query, &OWN_PAGE).await;
        let body = consent(&providers, &begun).await;
        let body = verifier.map_or(body.clone(), |verifier| verified(body, verifier));
        let headers: &[(&str, &str)] = if cookie_sent { &[("Cookie", &cookie)] } else { &[] };
        assert_eq!(end(&app, "google", &body, headers).await.status.as_u16(), status, "{cookie_sent} {verifier:?}");
    }
    for (query, verifier, status) in [(query.as_str(), VERIFIER, 200), (&query, CHALLENGE, 401), ("", VERIFIER, 401)] {
        let (_, begun) = begin(&app, "google", query, &OTHER_ORIGIN).await;
        let body = verified(consent(&providers, &begun).await, verifier);
        assert_eq!(end(&app, "google", &body, &OTHER_ORIGIN).await.status.as_u16(), status, "{query:?} {verifier}");
    }
}

#[actix_web::test]
async fn a_program_brings_the_verifier_of_its_challenge_or_gets_nothing() {
    let (app, providers) = with_providers(|_| {}).await;
    let mut without = returning(&app, &providers, "github", None).await;
    without.as_object_mut().unwrap().remove("code_verifier");
    assert_eq!(finish(&app, "github", &without, None).await.outcome(), REFUSED, "none");
    let late = verified(without, VERIFIER);
    assert_eq!(finish(&app, "github", &late, None).await.outcome(), REFUSED, "the state is spent");
    let other = verified(returning(&app, &providers, "github", None).await, CHALLENGE);
    assert_eq!(finish(&app, "github", &other, None).await.outcome(), REFUSED, "another one");
    // The challenge was removed from the request on its way.
    let (_, begun) = begin(&app, "github", "", &[]).await;
    let unannounced = verified(consent(&providers, &begun).await, VERIFIER);
    assert_eq!(finish(&app, "github", &unannounced, None).await.outcome(), REFUSED, "nobody announced it");
    let bare = consent(&providers, &begin(&app, "github", "", &[]).await.1).await;
    assert_eq!(finish(&app, "github", &bare, None).await.outcome(), REFUSED, "bound by nothing");
    let good = returning(&app, &providers, "github", None).await;
    finish(&app, "github", &good, None).await.expect(200);
    let person = app.user("a@example.com").await;
    providers.account("2002", None, false);
    let mut linking = returning(&app, &providers, "github", Some(&person.token)).await;
    linking.as_object_mut().unwrap().remove("code_verifier");
    assert_eq!(finish(&app, "github", &linking, Some(&person.token)).await.outcome(), REFUSED, "links too");
}

#[actix_web::test]
async fn a_challenge_that_is_none_is_refused_at_the_start() {
    let (app, _providers) = with_providers(|_| {}).await;
    let plain = format!("code_challenge={VERIFIER}&code_challenge_method=plain");
    for (query, field) in [
        ("code_challenge=", "code_challenge"),
        ("code_challenge=short", "code_challenge"),
        (plain.as_str(), "code_challenge_method"),
        ("code_challenge_method=s256", "code_challenge_method"),
        ("code_challenge=short&code_challenge_method=plain", "code_challenge"),
        ("code_challenge=short&code_challenge_method=plain", "code_challenge_method"),
    ] {
        let path = format!("/auth/social/google/start?{query}");
        let answer = app.send(app.request(Method::GET, &path, None)).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{query}");
        assert!(answer.body["errors"][field].is_array(), "{}", answer.body);
    }
}

#[actix_web::test]
async fn an_id_token_counts_once_and_only_with_a_nonce_that_was_given_for_it() {
    let (app, providers) = with_providers(|_| {}).await;
    assert_eq!(start(&app, "github", None).await["nonce"], Value::Null);
    for provider in OIDC {
        providers.account(&provider.len().to_string(), Some(&format!("{provider}@example.com")), true);
        let own = own_token(&app, &providers, provider, None).await;
        finish(&app, provider, &own, None).await.expect(200);
        assert_eq!(finish(&app, provider, &own, None).await.outcome(), REFUSED, "{provider}: replayed");
        let with = |nonce: Option<&str>| {
            let token = providers.id_token(provider, nonce);
            json!({"id_token": token, "code_verifier": VERIFIER})
        };
        for nonce in [None, Some(""), Some("made up"), Some(CHALLENGE)] {
            assert_eq!(finish(&app, provider, &with(nonce), None).await.outcome(), REFUSED, "{provider} {nonce:?}");
        }
        let elsewhere = if provider == "google" { "facebook" } else { "google" };
        let started = start(&app, elsewhere, None).await;
        let answer = finish(&app, provider, &with(started["nonce"].as_str()), None).await;
        assert_eq!(answer.outcome(), REFUSED, "{provider}: a nonce of {elsewhere}");
        let state = start(&app, provider, None).await["state"].clone();
        assert_eq!(finish(&app, provider, &with(state.as_str()), None).await.outcome(), REFUSED, "{provider}: a state");
        let late = own_token(&app, &providers, provider, None).await;
        app.clock.advance(Duration::from_mins(10));
        assert_eq!(finish(&app, provider, &late, None).await.outcome(), REFUSED, "{provider}: too late");
        let nonce = own_token(&app, &providers, provider, None).await;
        assert!(!app.holds(nonce["id_token"].as_str().unwrap()).await);
    }
}

#[actix_web::test]
async fn an_id_token_is_bound_as_its_login_was_begun() {
    let (app, providers) = with_providers(|_| {}).await;
    let (victim, attacker) = (app.user("a@example.com").await, app.user("b@example.com").await);
    let theirs = own_token(&app, &providers, "google", Some(&attacker.token)).await;
    assert_eq!(finish(&app, "google", &theirs, Some(&victim.token)).await.outcome(), REFUSED, "another session");
    let nobodys = own_token(&app, &providers, "google", None).await;
    assert_eq!(finish(&app, "google", &nobodys, Some(&victim.token)).await.outcome(), REFUSED, "nobody's session");
    let (cookie, begun) = begin(&app, "google", "", &OWN_PAGE).await;
    let token = |begun: &Value| json!({"id_token": providers.id_token("google", begun["nonce"].as_str())});
    assert_eq!(end(&app, "google", &token(&begun), &[]).await.outcome(), REFUSED, "a page's, without its cookie");
    let again = begin(&app, "google", "", &[("Cookie", &cookie), ("Sec-Fetch-Site", "same-origin")]).await.1;
    end(&app, "google", &token(&again), &[("Cookie", &cookie)]).await.expect(200);
    let mut without_verifier = own_token(&app, &providers, "google", None).await;
    without_verifier.as_object_mut().unwrap().remove("code_verifier");
    assert_eq!(finish(&app, "google", &without_verifier, None).await.outcome(), REFUSED, "no verifier");
}

#[actix_web::test]
async fn one_of_fifty_uses_of_an_id_token_counts() {
    let (app, providers) = with_providers(|_| {}).await;
    let own = own_token(&app, &providers, "google", None).await;
    let answers = futures_util::future::join_all((0..50).map(|_| finish(&app, "google", &own, None))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(200), count(200) + count(401) + count(503)), (1, 50));
}
