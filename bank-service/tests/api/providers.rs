//! A service configured for all four login providers, which are stubs.

use std::sync::Arc;

use bank_service::config::Config;
use service_kit::clock::ManualClock;
use service_kit::config::Secret;
pub(crate) use stand_ins::providers::{
    Behaviour, CLIENT_SECRET, FailureMode, PROVIDERS, Providers, Signing, client_id,
};

use crate::harness::TestApp;

fn configure(providers: &Providers, config: &mut Config) {
    let social = &mut config.social;
    let client = |provider| Some(client_id(provider));
    let secret = || Some(Secret::new(CLIENT_SECRET));
    let base = |provider| Some(providers.base_url(provider));
    social.social_github_client_id = client("github");
    social.social_github_client_secret = secret();
    social.social_github_base_url = base("github");
    social.social_google_client_id = client("google").map(|id| format!("{id}, google-phone-app"));
    social.social_google_client_secret = secret();
    social.social_google_base_url = base("google");
    social.social_linkedin_client_id = client("linkedin");
    social.social_linkedin_client_secret = secret();
    social.social_linkedin_base_url = base("linkedin");
    social.social_facebook_client_id = client("facebook");
    social.social_facebook_client_secret = secret();
    social.social_facebook_base_url = base("facebook");
}

pub(crate) async fn with_providers(change: impl FnOnce(&mut Config)) -> (TestApp, Providers) {
    let clock = Arc::new(ManualClock::new(crate::harness::start_of_tests()));
    let providers = Providers::start(clock.clone(), &Config::default().public_url);
    let app = TestApp::start_in(tempfile::TempDir::new().unwrap(), clock, |config| {
        configure(&providers, config);
        change(config);
    });
    (app.await, providers)
}
