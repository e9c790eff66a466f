//! LinkedIn: OpenID Connect. It takes no PKCE from web clients (with a `code_verifier` it refuses the client), and omits the
//! nonce in its tokens; the state alone ties a code to the login that was begun.

use async_trait::async_trait;
use url::Url;

use crate::domain::social::{Identity, Provider};
use crate::identity::social::error::ProviderError;
use crate::identity::social::id_token::{IdTokens, Nonce, TokenClaims};
use crate::identity::social::provider::{Attempt, Parts, SocialProvider, authorization, with_nonce};

const ORIGIN: &str = "https://www.linkedin.com";
const API: &str = "https://api.linkedin.com";
const SCOPE: &str = "openid email profile";

pub(super) struct LinkedIn {
    id_tokens: IdTokens,
    parts: Parts,
}

impl LinkedIn {
    pub(super) fn new(parts: Parts) -> Self {
        // Its older tokens name the origin alone.
        let issuers = vec![parts.url(ORIGIN, "/oauth"), parts.url(ORIGIN, "")];
        let id_tokens = parts.id_tokens(issuers, parts.url(ORIGIN, "/oauth/openid/jwks"));
        Self { id_tokens, parts }
    }

    /// The client that the token was issued to has to be ours.
    async fn check_client(&self, token: &str) -> Result<(), ProviderError> {
        let client = &self.parts.client;
        let form = [
            ("client_id", client.client_id.as_str()),
            ("client_secret", client.client_secret.expose()),
            ("token", token),
        ];
        let request = self.parts.outbound.http.post(self.parts.url(ORIGIN, "/oauth/v2/introspectToken")).form(&form);
        let reply = self.parts.outbound.send(request).await?;
        if reply.status() == 401 {
            return Err(ProviderError::UnknownClient);
        }
        if !reply.is_success() || !reply.is_true("/active") {
            return Err(ProviderError::Refused("the access token is not good"));
        }
        let ours = reply.text("/client_id").is_some_and(|given| client.audiences.contains(&given));
        if ours { Ok(()) } else { Err(ProviderError::Refused("the access token is another client's")) }
    }
}

#[async_trait]
impl SocialProvider for LinkedIn {
    fn provider(&self) -> Provider {
        Provider::LinkedIn
    }

    fn authorization_url(&self, attempt: &Attempt) -> Result<Url, ProviderError> {
        let endpoint = self.parts.url(ORIGIN, "/oauth/v2/authorization");
        Ok(with_nonce(authorization(&endpoint, &self.parts.client.client_id, SCOPE, attempt)?, attempt))
    }

    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Identity, ProviderError> {
        let reply =
            self.parts.exchange::<false>(self.parts.url(ORIGIN, "/oauth/v2/accessToken"), code, attempt).await?;
        let token = reply.text("/id_token").ok_or_else(|| ProviderError::unavailable("it gave no id_token"))?;
        self.id_tokens.check(&token, Nonce::IfRepeated(&attempt.nonce)).await
    }

    async fn of_id_token(&self, token: &str) -> Result<TokenClaims, ProviderError> {
        self.id_tokens.read(token).await
    }

    async fn of_access_token(&self, token: &str) -> Result<Identity, ProviderError> {
        self.check_client(token).await?;
        let request = self.parts.outbound.http.get(self.parts.url(API, "/v2/userinfo")).bearer_auth(token);
        let reply = self.parts.outbound.send(request).await?;
        let subject = reply.text("/sub").filter(|_| reply.is_success());
        let subject = subject.ok_or(ProviderError::Refused("the access token does not say whose it is"))?;
        let issuer = self.parts.url(ORIGIN, "/oauth");
        let identity =
            Identity::parse(&issuer, &subject, reply.text("/email").as_deref(), reply.is_true("/email_verified"))
                .ok_or(ProviderError::Refused("the subject cannot be one"))?;
        Ok(identity.called(reply.text("/given_name").as_deref(), reply.text("/family_name").as_deref()))
    }
}
