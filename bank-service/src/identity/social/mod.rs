//! Social logins: login by other providers (OAuth 2 and OpenID Connect).
//!
//! One file per provider, behind one trait. Promises for all of them:
//! - A client's claim counts only if the provider confirms it, for a client of ours: codes are exchanged, `id_token`s verified by
//!   the provider's keys, access tokens checked where their client is named.
//! - Every login that is begun here has a state, valid once, for ten minutes and for the client that began it: its session,
//!   the cookie of its browser, the verifier of its challenge. PKCE and nonce towards the provider come from the state by a
//!   keyed hash, so that nothing secret is stored for them.
//! - An `id_token` that a client sends counts once: it has to repeat the nonce of a login that was begun here, which is spent.
//! - Providers are asked outside of transactions, within five seconds a request and ten in all; their tokens are not stored.
//! - A provider that is unavailable, or does not know us, is 503; a login that it refuses is 401, and the reason goes to the log
//!   only.

mod error;
mod facebook;
mod flow;
mod github;
mod google;
mod id_token;
mod jwks;
mod linkedin;
pub mod logins;
mod outbound;
mod provider;

use std::sync::Arc;

use service_kit::clock::SharedClock;
use url::Url;

pub use error::ProviderError;
pub use flow::{Beginning, Returning, SocialError, SocialProof, StartedLogin};

use crate::config::Settings;
use crate::domain::social::Provider;
use outbound::Outbound;
use provider::{Parts, SocialProvider};

/// The configured providers, and the rules of their logins.
pub(in crate::identity) struct Social {
    providers: Vec<Box<dyn SocialProvider>>,
    public_url: Url,
    default_role: String,
}

impl Social {
    pub(in crate::identity) fn new(settings: &Settings, clock: &SharedClock) -> Self {
        let outbound = Arc::new(Outbound::new());
        let make = |client: &crate::config::SocialClient| -> Box<dyn SocialProvider> {
            let parts = Parts { client: client.clone(), outbound: outbound.clone(), clock: clock.clone() };
            match client.provider {
                Provider::GitHub => Box::new(github::GitHub::new(parts)),
                Provider::Google => Box::new(google::Google::new(parts)),
                Provider::LinkedIn => Box::new(linkedin::LinkedIn::new(parts)),
                Provider::Facebook => Box::new(facebook::Facebook::new(parts)),
            }
        };
        Self {
            providers: settings.social.iter().map(make).collect(),
            public_url: settings.public_url.clone(),
            default_role: settings.config.default_role.clone(),
        }
    }

    fn provider(&self, provider: Provider) -> Option<&dyn SocialProvider> {
        self.providers.iter().find(|known| known.provider() == provider).map(|known| &**known)
    }

    /// The address that providers redirect browsers to: fixed and registered there, never taken from a request.
    fn redirect_uri(&self, provider: Provider) -> String {
        format!("{}/auth/social/{provider}/callback", self.public_url.as_str().trim_end_matches('/'))
    }
}
