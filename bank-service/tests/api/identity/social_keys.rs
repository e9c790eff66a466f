//! Providers' signing keys: of either kind, rotated, and unreachable.

use std::time::Duration;

use serde_json::json;

use super::social::{finish, own_token};
use super::social_refusals::{FORGED, OIDC, REFUSED};
use crate::harness::{Answer, TestApp};
use crate::providers::{Behaviour, FailureMode, Providers, Signing, with_providers};

/// Longer than the pause before an unknown key is fetched again.
const A_WHILE: Duration = Duration::from_secs(6);

/// A service with a user at each of the three providers.
async fn with_users() -> (TestApp, Providers) {
    let (app, providers) = with_providers(|_| {}).await;
    for provider in OIDC {
        log_in(&app, &providers, provider).await.expect(200);
    }
    (app, providers)
}

/// Sets the provider's account for the next logins.
fn somebody(providers: &Providers, provider: &str) {
    providers.account(&provider.len().to_string(), Some(&format!("{provider}@example.com")), true);
}

async fn log_in(app: &TestApp, providers: &Providers, provider: &str) -> Answer {
    somebody(providers, provider);
    finish(app, provider, &own_token(app, providers, provider, None).await, None).await
}

/// How often a provider's keys were fetched.
fn fetched(providers: &Providers, provider: &str) -> usize {
    let path = match provider {
        "google" => "google/oauth2/v3/certs",
        "linkedin" => "linkedin/oauth/openid/jwks",
        _ => "facebook/.well-known/oauth/openid/jwks/",
    };
    providers.seen(path)
}

#[actix_web::test]
async fn changed_keys_are_fetched_when_they_are_first_met_and_not_for_every_forgery() {
    let (app, providers) = with_users().await;
    for provider in OIDC {
        log_in(&app, &providers, provider).await.expect(200);
        assert_eq!(fetched(&providers, provider), 1, "{provider}: kept");
        somebody(&providers, provider);
        let old = own_token(&app, &providers, provider, None).await;
        providers.rotate_keys();
        app.clock.advance(A_WHILE);
        log_in(&app, &providers, provider).await.expect(200);
        assert_eq!(fetched(&providers, provider), 2, "{provider}: asked for the new key");
        let withdrawn = finish(&app, provider, &old, None).await;
        assert_eq!(withdrawn.outcome(), REFUSED, "{provider}: withdrawn");
        providers.behave(Behaviour { signing: Signing::UnknownKid, ..Behaviour::default() });
        app.clock.advance(A_WHILE);
        for _ in 0..20 {
            assert_eq!(log_in(&app, &providers, provider).await.outcome(), REFUSED);
        }
        assert_eq!(fetched(&providers, provider), 3, "{provider}: a flood of forgeries asks once in five seconds");
        providers.behave(Behaviour::default());
        providers.rotate_keys();
    }
}

#[actix_web::test]
async fn a_key_of_another_kind_is_met_and_used_with_its_own_algorithm_only() {
    let (app, providers) = with_users().await;
    providers.sign_with_curves();
    app.clock.advance(A_WHILE);
    for provider in OIDC {
        log_in(&app, &providers, provider).await.expect(200);
        assert_eq!(fetched(&providers, provider), 2, "{provider}");
        for signing in FORGED {
            providers.behave(Behaviour { signing, ..Behaviour::default() });
            assert_eq!(log_in(&app, &providers, provider).await.outcome(), REFUSED, "{provider} {signing:?}");
        }
        providers.behave(Behaviour::default());
        for (name, value) in [("iss", json!("https://accounts.evil.example")), ("aud", json!("somebody-elses-client"))]
        {
            providers.behave(Behaviour { claims: [(name, value)].into(), ..Behaviour::default() });
            assert_eq!(log_in(&app, &providers, provider).await.outcome(), REFUSED, "{provider} {name}");
        }
        providers.behave(Behaviour::default());
        let body = super::social::returning(&app, &providers, provider, None).await;
        finish(&app, provider, &body, None).await.expect(200);
    }
    assert_eq!(providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn keys_serve_on_while_the_provider_is_unavailable_but_not_for_ever() {
    let (app, providers) = with_users().await;
    providers.behave(Behaviour { failure: FailureMode::Status(500), ..Behaviour::default() });
    app.clock.advance(Duration::from_mins(30));
    for provider in OIDC {
        log_in(&app, &providers, provider).await.expect(200);
    }
    app.clock.advance(Duration::from_mins(31));
    for provider in OIDC {
        assert_eq!(log_in(&app, &providers, provider).await.outcome(), (503, "unavailable"), "{provider}");
    }
    providers.behave(Behaviour::default());
    app.clock.advance(A_WHILE);
    for provider in OIDC {
        log_in(&app, &providers, provider).await.expect(200);
    }
}
