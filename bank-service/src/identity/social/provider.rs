//! The interface that every provider implements.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::clock::SharedClock;
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::SocialClient;
use crate::domain::social::{Identity, Provider};
use crate::identity::social::error::ProviderError;
use crate::identity::social::id_token::{IdTokens, TokenClaims};
use crate::identity::social::jwks::ProviderKeys;
use crate::identity::social::outbound::{Outbound, Reply};

/// The values of one login that is begun here.
pub(super) struct Attempt {
    pub(super) state: String,
    /// The `code_verifier` of PKCE (RFC 7636): it stays here until the code is redeemed.
    pub(super) verifier: String,
    pub(super) nonce: String,
    pub(super) redirect_uri: String,
}

impl Attempt {
    /// The S256 `code_challenge`.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

/// A provider of logins.
#[async_trait]
pub(super) trait SocialProvider: Send + Sync {
    fn provider(&self) -> Provider;

    /// The address to redirect a browser to.
    fn authorization_url(&self, attempt: &Attempt) -> Result<Url, ProviderError>;

    /// Exchanges a code for the identity behind it.
    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Identity, ProviderError>;

    /// The identity in an app's `id_token`, and the nonce that it repeats.
    async fn of_id_token(&self, token: &str) -> Result<TokenClaims, ProviderError>;

    /// Whether it signs `id_token`s for apps.
    fn has_id_tokens(&self) -> bool {
        true
    }

    /// The identity behind an app's access token. A token issued to another client is refused.
    async fn of_access_token(&self, token: &str) -> Result<Identity, ProviderError>;
}

/// The parts of a provider.
pub(super) struct Parts {
    pub(super) client: SocialClient,
    pub(super) outbound: Arc<Outbound>,
    pub(super) clock: SharedClock,
}

impl Parts {
    /// An address of the provider: below its own origin, or below the configured one.
    pub(super) fn url(&self, origin: &str, path: &str) -> String {
        format!("{}{path}", self.client.base_url.as_deref().unwrap_or(origin))
    }

    /// The check of the tokens that the provider signs by the keys at an address.
    pub(super) fn id_tokens(&self, issuers: Vec<String>, keys: String) -> IdTokens {
        IdTokens {
            issuers,
            audiences: self.client.audiences.clone(),
            keys: ProviderKeys::new(keys, self.outbound.clone(), self.clock.clone()),
            clock: self.clock.clone(),
        }
    }

    /// Exchanges a code for tokens (RFC 6749, 4.1.3); with `PKCE` the verifier proves who began the login.
    pub(super) async fn exchange<const PKCE: bool>(
        &self,
        url: String,
        code: &str,
        attempt: &Attempt,
    ) -> Result<Reply, ProviderError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.client.client_id.as_str()),
            ("client_secret", self.client.client_secret.expose()),
            ("code", code),
            ("redirect_uri", &attempt.redirect_uri),
        ];
        if PKCE {
            form.push(("code_verifier", &attempt.verifier));
        }
        self.outbound.send(self.outbound.http.post(url).form(&form)).await?.exchanged()
    }
}

/// An authorisation request with the parameters that all providers take (RFC 6749, 4.1.1).
pub(super) fn authorization(
    endpoint: &str,
    client_id: &str,
    scope: &str,
    attempt: &Attempt,
) -> Result<Url, ProviderError> {
    let mut url = Url::parse(endpoint).map_err(|_| ProviderError::unavailable("its address cannot be read"))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", &attempt.redirect_uri)
        .append_pair("scope", scope)
        .append_pair("state", &attempt.state);
    Ok(url)
}

/// Adds PKCE (RFC 7636, S256).
pub(super) fn with_pkce(mut url: Url, attempt: &Attempt) -> Url {
    url.query_pairs_mut()
        .append_pair("code_challenge", &attempt.challenge())
        .append_pair("code_challenge_method", "S256");
    url
}

/// Adds the nonce of OpenID Connect.
pub(super) fn with_nonce(mut url: Url, attempt: &Attempt) -> Url {
    url.query_pairs_mut().append_pair("nonce", &attempt.nonce);
    url
}
