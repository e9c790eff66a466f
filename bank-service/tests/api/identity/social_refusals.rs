//! Refused logins by other providers, and providers that misbehave.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::config::Secret;

use super::social::{VERIFIER, finish, log_in, own_token, returning};
use crate::harness::TestApp;
use crate::providers::{Behaviour, CLIENT_SECRET, FailureMode, PROVIDERS, Providers, Signing, with_providers};

pub(super) const REFUSED: (u16, &str) = (401, "invalid_credentials");
pub(super) const OIDC: [&str; 3] = ["google", "linkedin", "facebook"];
pub(super) const FORGED: [Signing; 5] =
    [Signing::Unsigned, Signing::PublicKeyAsSecret, Signing::Stranger, Signing::UnknownKid, Signing::OtherAlgorithm];

fn claiming(name: &'static str, value: Value) -> Behaviour {
    Behaviour { claims: [(name, value)].into(), ..Behaviour::default() }
}

async fn users(app: &TestApp) -> Value {
    let admin = app.admin().await;
    app.get(&admin.token, "/api/users").await.expect(200)["total"].clone()
}

/// Both a login by code and one by an app's own token are refused.
async fn refused_both_ways(app: &TestApp, providers: &Providers, provider: &str, behaviour: Behaviour, why: &str) {
    let body = returning(app, providers, provider, None).await;
    providers.behave(behaviour);
    assert_eq!(finish(app, provider, &body, None).await.outcome(), REFUSED, "{provider} by code: {why}");
    let token = own_token(app, providers, provider, None).await;
    assert_eq!(finish(app, provider, &token, None).await.outcome(), REFUSED, "{provider} by id_token: {why}");
    providers.behave(Behaviour::default());
}

#[actix_web::test]
async fn id_tokens_with_a_wrong_signature_are_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in OIDC {
        for signing in FORGED {
            let behaviour = Behaviour { signing, ..Behaviour::default() };
            refused_both_ways(&app, &providers, provider, behaviour, &format!("{signing:?}")).await;
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
        for (why, behaviour) in [
            ("another issuer", claiming("iss", json!("https://accounts.evil.example"))),
            ("no issuer", claiming("iss", Value::Null)),
            ("another audience", claiming("aud", json!("somebody-elses-client"))),
            ("no audience", claiming("aud", Value::Null)),
            ("another party", claiming("azp", json!("somebody-elses-client"))),
            (
                "shared, asked for by nobody",
                Behaviour {
                    claims: [("aud", json!([ours, "somebody-elses-client"])), ("azp", Value::Null)].into(),
                    ..Behaviour::default()
                },
            ),
            ("expired", claiming("exp", json!(now - 60))),
            ("never expires", claiming("exp", Value::Null)),
            ("old", claiming("iat", json!(now - 7200))),
            ("not yet valid", claiming("nbf", json!(now + 120))),
            ("issued tomorrow", Behaviour { moved_by: 86_400, ..Behaviour::default() }),
            ("nobody", claiming("sub", Value::Null)),
            ("an empty subject", claiming("sub", json!(""))),
        ] {
            refused_both_ways(&app, &providers, provider, behaviour, why).await;
        }
    }
    assert_eq!(users(&app).await, 1, "the administrator only");
}

#[actix_web::test]
async fn a_token_of_another_login_is_refused_by_its_nonce() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in ["google", "facebook"] {
        for behaviour in [Behaviour { other_nonce: true, ..Behaviour::default() }, claiming("nonce", Value::Null)] {
            let body = returning(&app, &providers, provider, None).await;
            providers.behave(behaviour);
            assert_eq!(finish(&app, provider, &body, None).await.outcome(), REFUSED, "{provider}");
            providers.behave(Behaviour::default());
        }
    }
    // LinkedIn may omit the nonce; if present, it has to match.
    let body = returning(&app, &providers, "linkedin", None).await;
    providers.behave(claiming("nonce", json!("another nonce")));
    assert_eq!(finish(&app, "linkedin", &body, None).await.outcome(), REFUSED);
}

#[actix_web::test]
async fn access_tokens_of_other_clients_are_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in PROVIDERS {
        let proof = json!({"access_token": providers.access_token()});
        providers.behave(Behaviour { other_client: true, ..Behaviour::default() });
        assert_eq!(finish(&app, provider, &proof, None).await.outcome(), REFUSED, "{provider}: another client's");
        providers.behave(Behaviour::default());
        for nobodys in ["nobody's", "nobody's\n", "nobody\u{0}", "nobody\u{7f}"] {
            let bad = json!({"access_token": nobodys});
            assert_eq!(finish(&app, provider, &bad, None).await.outcome(), REFUSED, "{provider}: {nobodys:?}");
        }
        finish(&app, provider, &proof, None).await.expect(if provider == "github" { 200 } else { 409 });
    }
}

#[actix_web::test]
async fn a_client_secret_that_the_provider_does_not_know_is_our_fault_and_not_the_users() {
    let (app, providers) = with_providers(|config| {
        let (other, social) = (|| Some(Secret::new("another-client-secret")), &mut config.social);
        social.social_github_client_secret = other();
        social.social_google_client_secret = other();
        social.social_linkedin_client_secret = other();
        social.social_facebook_client_secret = other();
    })
    .await;
    let mut proofs = Vec::new();
    for provider in PROVIDERS {
        proofs.push((provider, returning(&app, &providers, provider, None).await));
    }
    // Google says whose an access token is without the secret.
    let own = ["github", "linkedin", "facebook"].map(|one| (one, json!({"access_token": providers.access_token()})));
    for (provider, proof) in proofs.into_iter().chain(own) {
        let answer = finish(&app, provider, &proof, None).await;
        assert_eq!(answer.outcome(), (503, "unavailable"), "{provider} {proof}");
    }
    let events = app.events().await;
    assert!(events.iter().all(|event| event.event_type.as_str() != "security.login_failed"), "{events:?}");
}

#[actix_web::test]
async fn a_code_that_the_provider_does_not_know_is_refused() {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in PROVIDERS {
        let mut body = returning(&app, &providers, provider, None).await;
        body["code"] = json!("another code");
        assert_eq!(finish(&app, provider, &body, None).await.outcome(), REFUSED, "{provider}");
    }
}

#[actix_web::test]
async fn states_and_codes_are_good_once_at_their_provider_and_for_ten_minutes() {
    let (app, providers) = with_providers(|_| {}).await;
    let body = returning(&app, &providers, "google", None).await;
    finish(&app, "google", &body, None).await.expect(200);
    let exchanges = providers.seen("POST /google/token");
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), REFUSED, "used");
    assert_eq!(providers.seen("POST /google/token"), exchanges, "the provider is not asked");
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
        for failure in [500, 503, 429, 302].map(FailureMode::Status).into_iter().chain([FailureMode::Endless]) {
            let body = returning(&app, &providers, provider, None).await;
            let proof = json!({"access_token": providers.access_token()});
            providers.behave(Behaviour { failure, ..Behaviour::default() });
            for proof in [body, proof] {
                let answer = finish(&app, provider, &proof, None).await;
                assert_eq!(answer.outcome(), (503, "unavailable"), "{provider} {failure:?}");
                assert_eq!(answer.headers["retry-after"], "5");
            }
            providers.behave(Behaviour::default());
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
    providers.behave(Behaviour { failure: FailureMode::Silent, ..Behaviour::default() });
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
