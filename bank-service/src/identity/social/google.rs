//! Google: OpenID Connect with PKCE and nonce. Access tokens are checked by `tokeninfo`, which names their client.

use async_trait::async_trait;
use url::Url;

use crate::domain::social::{Identity, Provider};
use crate::identity::social::error::ProviderError;
use crate::identity::social::id_token::{IdTokens, Nonce, TokenClaims};
use crate::identity::social::provider::{Attempt, Parts, SocialProvider, authorization, with_nonce, with_pkce};

const ORIGIN: &str = "https://accounts.google.com";
const OAUTH: &str = "https://oauth2.googleapis.com";
const KEYS: &str = "https://www.googleapis.com";
/// Old tokens name the issuer without its scheme.
const OLD_ISSUER: &str = "accounts.google.com";
const SCOPE: &str = "openid email profile";

pub(super) struct Google {
    id_tokens: IdTokens,
    parts: Parts,
}

impl Google {
    pub(super) fn new(parts: Parts) -> Self {
        let mut issuers = vec![parts.url(ORIGIN, "")];
        if parts.client.base_url.is_none() {
            issuers.push(OLD_ISSUER.to_owned());
        }
        let id_tokens = parts.id_tokens(issuers, parts.url(KEYS, "/oauth2/v3/certs"));
        Self { id_tokens, parts }
    }
}

#[async_trait]
impl SocialProvider for Google {
    fn provider(&self) -> Provider {
        Provider::Google
    }

    fn authorization_url(&self, attempt: &Attempt) -> Result<Url, ProviderError> {
        let endpoint = self.parts.url(ORIGIN, "/o/oauth2/v2/auth");
        let url = authorization(&endpoint, &self.parts.client.client_id, SCOPE, attempt)?;
        Ok(with_nonce(with_pkce(url, attempt), attempt))
    }

    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Identity, ProviderError> {
        let reply = self.parts.exchange::<true>(self.parts.url(OAUTH, "/token"), code, attempt).await?;
        let token = reply.text("/id_token").ok_or_else(|| ProviderError::unavailable("it gave no id_token"))?;
        self.id_tokens.check(&token, Nonce::Required(&attempt.nonce)).await
    }

    async fn of_id_token(&self, token: &str) -> Result<TokenClaims, ProviderError> {
        self.id_tokens.read(token).await
    }

    /// The token goes in a header, so that no access log has it.
    async fn of_access_token(&self, token: &str) -> Result<Identity, ProviderError> {
        let request = self.parts.outbound.http.post(self.parts.url(OAUTH, "/tokeninfo")).bearer_auth(token);
        let reply = self.parts.outbound.send(request).await?;
        if !reply.is_success() {
            return Err(ProviderError::Refused("the access token is not good"));
        }
        let ours = |pointer| reply.text(pointer).is_some_and(|client| self.parts.client.audiences.contains(&client));
        if !ours("/aud") || (reply.text("/azp").is_some() && !ours("/azp")) {
            return Err(ProviderError::Refused("the access token is another client's"));
        }
        let subject = reply.text("/sub").ok_or(ProviderError::Refused("the access token is no user's"))?;
        let issuer = self.parts.url(ORIGIN, "");
        // The answer has no names.
        Identity::parse(&issuer, &subject, reply.text("/email").as_deref(), reply.is_true("/email_verified"))
            .ok_or(ProviderError::Refused("the subject cannot be one"))
    }
}
