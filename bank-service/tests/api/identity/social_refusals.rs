//! Logins by other providers that are refused, and providers that misbehave.

use std::time::Duration;

use serde_json::{Value, json};

use super::social::{VERIFIER, finish, log_in, own_token, returning};
use crate::harness::TestApp;
use crate::providers::{CLIENT_SECRET, Mood, PROVIDERS, Providers, Signing, Trouble, with_providers};

pub(super) const REFUSED: (u16, &str) = (401, "invalid_credentials");
pub(super) const OIDC: [&str; 3] = ["google", "linkedin", "facebook"];
pub(super) const FORGED: [Signing; 5] =
    [Signing::Unsigned, Signing::PublicKeyAsSecret, Signing::Stranger, Signing::UnknownKid, Signing::OtherAlgorithm];

fn saying(name: &'static str, value: Value) -> Mood {
    Mood { claims: [(name, value)].into(), ..Mood::default() }
}

async fn users(app: &TestApp) -> Value {
    let admin = app.admin().await;
    app.get(&admin.token, "/api/users").await.expect(200)["total"].clone()
}

/// By code and by an app's own token: neither gets in.
async fn refused_both_ways(app: &TestApp, providers: &Providers, provider: &str, mood: Mood, why: &str) {
    let body = returning(app, providers, provider, None).await;
    providers.mood(mood);
    assert_eq!(finish(app, provider, &body, None).await.outcome(), REFUSED, "{provider} by code: {why}");
    let token = own_token(app, providers, provider, None).await;
    assert_eq!(finish(app, provider, &token, None).await.outcome(), REFUSED, "{provider} by id_token: {why}");
    providers.mood(Mood::default());
}

#[actix_web::test]
async fn id_tokens_with_a_wrong_signature_are_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in OIDC {
        for signing in FORGED {
            let mood = Mood { signing, ..Mood::default() };
            refused_both_ways(&app, &providers, provider, mood, &format!("{signing:?}")).await;
        }
        let good = own_token(&app, &providers, provider, None).await["id_token"].as_str().unwrap().to_owned();
        let cut = good.rsplit_once('.').unwrap().0;
        for bad in [cut.to_owned(), format!("{cut}."), format!("{good}A"), "x".to_owned(), "..".to_owned()] {
            let bad = json!({"id_token": bad, "code_verifier": VERIFIER});
            assert_eq!(finish(&app, provider, &bad, None).await.outcome(), REFUSED, "{provider}");
        }
    }
    assert_eq!(users(&app).await, 1, "the administrator only");
}

#[actix_web::test]
async fn id_tokens_of_others_for_others_or_of_another_time_are_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    let now = crate::harness::start_of_tests().timestamp();
    for provider in OIDC {
        let ours = crate::providers::client_id(provider);
        for (why, mood) in [
            ("another issuer", saying("iss", json!("https://accounts.evil.example"))),
            ("no issuer", saying("iss", Value::Null)),
            ("another audience", saying("aud", json!("somebody-elses-client"))),
            ("no audience", saying("aud", Value::Null)),
            ("another party", saying("azp", json!("somebody-elses-client"))),
            (
                "shared, asked for by nobody",
                Mood {
                    claims: [("aud", json!([ours, "somebody-elses-client"])), ("azp", Value::Null)].into(),
                    ..Mood::default()
                },
            ),
            ("expired", saying("exp", json!(now - 60))),
            ("never expires", saying("exp", Value::Null)),
            ("old", saying("iat", json!(now - 7200))),
            ("not yet valid", saying("nbf", json!(now + 120))),
            ("issued tomorrow", Mood { moved_by: 86_400, ..Mood::default() }),
            ("nobody", saying("sub", Value::Null)),
            ("an empty subject", saying("sub", json!(""))),
        ] {
            refused_both_ways(&app, &providers, provider, mood, why).await;
        }
    }
    assert_eq!(users(&app).await, 1, "the administrator only");
}

#[actix_web::test]
async fn a_token_of_another_login_is_refused_by_its_nonce() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in ["google", "facebook"] {
        for mood in [Mood { other_nonce: true, ..Mood::default() }, saying("nonce", Value::Null)] {
            let body = returning(&app, &providers, provider, None).await;
            providers.mood(mood);
            assert_eq!(finish(&app, provider, &body, None).await.outcome(), REFUSED, "{provider}");
            providers.mood(Mood::default());
        }
    }
    // LinkedIn leaves the nonce out; if there is one, it has to be ours.
    let body = returning(&app, &providers, "linkedin", None).await;
    providers.mood(saying("nonce", json!("another nonce")));
    assert_eq!(finish(&app, "linkedin", &body, None).await.outcome(), REFUSED);
}

#[actix_web::test]
async fn access_tokens_of_other_clients_are_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in PROVIDERS {
        let proof = json!({"access_token": providers.access_token()});
        providers.mood(Mood { other_client: true, ..Mood::default() });
        assert_eq!(finish(&app, provider, &proof, None).await.outcome(), REFUSED, "{provider}: another client's");
        providers.mood(Mood::default());
        let nobodys = json!({"access_token": "nobody's"});
        assert_eq!(finish(&app, provider, &nobodys, None).await.outcome(), REFUSED, "{provider}: nobody's");
        finish(&app, provider, &proof, None).await.expect(if provider == "github" { 200 } else { 409 });
    }
}

#[actix_web::test]
async fn states_and_codes_are_good_once_at_their_provider_and_for_ten_minutes() {
    let (app, providers) = with_providers(|_| {}).await;
    let body = returning(&app, &providers, "google", None).await;
    finish(&app, "google", &body, None).await.expect(200);
    let asked = providers.seen("POST /google/token");
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), REFUSED, "used");
    assert_eq!(providers.seen("POST /google/token"), asked, "the provider is not asked");
    let body = returning(&app, &providers, "google", None).await;
    assert_eq!(finish(&app, "facebook", &body, None).await.outcome(), REFUSED, "mixed up");
    let body = returning(&app, &providers, "google", None).await;
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), REFUSED, "too late");
    let mut body = returning(&app, &providers, "google", None).await;
    let code = std::mem::replace(&mut body["code"], json!("another code"));
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), REFUSED, "another code");
    let mut body = returning(&app, &providers, "google", None).await;
    body["code"] = code;
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), REFUSED, "a code of another login: its verifier");
    assert!(providers.complaints()[0].contains("code_verifier"), "{:?}", providers.complaints());
    let made_up = json!({"code": "c", "state": "s".repeat(43), "code_verifier": VERIFIER});
    assert_eq!(finish(&app, "google", &made_up, None).await.outcome(), REFUSED, "made up");
}

#[actix_web::test]
async fn one_of_fifty_uses_of_a_state_counts() {
    let (app, providers) = with_providers(|_| {}).await;
    log_in(&app, &providers, "github").await;
    let body = returning(&app, &providers, "github", None).await;
    let answers = futures_util::future::join_all((0..50).map(|_| finish(&app, "github", &body, None))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(200), count(200) + count(401) + count(503)), (1, 50));
    assert_eq!(providers.seen("login/oauth/access_token"), 2);
}

#[actix_web::test]
async fn a_new_user_needs_an_address() {
    let (app, providers) = with_providers(|_| {}).await;
    providers.account("1001", None, false);
    for provider in PROVIDERS {
        let body = returning(&app, &providers, provider, None).await;
        let answer = finish(&app, provider, &body, None).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{provider}");
        assert!(answer.body["errors"]["email"].is_array());
    }
    assert_eq!(users(&app).await, 1, "the administrator only");
}

#[actix_web::test]
async fn a_provider_that_fails_is_503_and_the_login_can_be_begun_again() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in PROVIDERS {
        for trouble in [500, 503, 429, 302].map(Trouble::Status).into_iter().chain([Trouble::Endless]) {
            let body = returning(&app, &providers, provider, None).await;
            let proof = json!({"access_token": providers.access_token()});
            providers.mood(Mood { trouble, ..Mood::default() });
            for proof in [body, proof] {
                let answer = finish(&app, provider, &proof, None).await;
                assert_eq!(answer.outcome(), (503, "unavailable"), "{provider} {trouble:?}");
                assert_eq!(answer.headers["retry-after"], "5");
            }
            providers.mood(Mood::default());
        }
    }
    assert_eq!(providers.seen("/elsewhere"), 0, "no redirect is followed");
    log_in(&app, &providers, "google").await;
}

#[actix_web::test]
async fn a_provider_that_does_not_answer_is_given_up_and_holds_nothing_up() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user("a@example.com").await;
    let body = returning(&app, &providers, "google", None).await;
    providers.mood(Mood { trouble: Trouble::Silent, ..Mood::default() });
    let waiting = finish(&app, "google", &body, None);
    let meanwhile = async {
        let body = json!({"first_name": "Zoë"});
        let answer = app.put(&person.token, "/auth/me", body).await;
        assert_eq!(answer.status.as_u16(), 200, "no transaction waits for a provider");
    };
    let (answer, ()) = futures_util::future::join(waiting, meanwhile).await;
    assert_eq!(answer.outcome(), (503, "unavailable"));
}

#[actix_web::test]
async fn nothing_of_a_social_login_is_readable_in_events_answers_and_tables() {
    let (app, providers) = with_providers(|_| {}).await;
    let body = returning(&app, &providers, "google", None).await;
    let refused = finish(&app, "facebook", &body, None).await;
    let body = returning(&app, &providers, "google", None).await;
    finish(&app, "google", &body, None).await.expect(200);
    let proof = json!({"access_token": providers.access_token()});
    finish(&app, "google", &proof, None).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = [text(&body["code"]), text(&body["state"]), text(&proof["access_token"]), CLIENT_SECRET.to_owned()];
    let events: String = app.events().await.iter().map(|event| event.body.data.to_string()).collect();
    assert!(secrets.iter().all(|secret| !events.contains(secret) && !refused.body.to_string().contains(secret)));
    assert!(app.holds("john.doe@example.com").await, "the database was not read");
    for secret in &secrets {
        assert!(!app.holds(secret).await, "a secret is readable in the database");
    }
}
