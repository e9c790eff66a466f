//! Facebook: OAuth 2 with PKCE, and OpenID Connect for the tokens of its apps ("limited login").
//!
//! `debug_token` gives the user of an access token, and that it was issued to our client. An `id_token` that comes with a code has
//! to belong to the login that was begun and to the same user. Facebook never says whether an address is verified, so none of
//! its addresses counts as verified.

use async_trait::async_trait;
use aws_lc_rs::hmac;
use url::Url;

use crate::domain::social::{Identity, Provider};
use crate::identity::social::error::ProviderError;
use crate::identity::social::id_token::{IdTokens, Nonce, TokenClaims};
use crate::identity::social::provider::{Attempt, Parts, SocialProvider, authorization, with_nonce, with_pkce};

const ORIGIN: &str = "https://www.facebook.com";
const LIMITED: &str = "https://limited.facebook.com";
const GRAPH: &str = "https://graph.facebook.com";
const SCOPE: &str = "openid email public_profile";
/// The faults of `debug_token` that are those of the app's own token: what is wrong with a user's is within its answer.
const OF_APP_TOKEN: [&str; 3] = ["1", "101", "190"];

pub(super) struct Facebook {
    id_tokens: IdTokens,
    parts: Parts,
}

impl Facebook {
    pub(super) fn new(parts: Parts) -> Self {
        let mut issuers = vec![parts.url(ORIGIN, "")];
        if parts.client.base_url.is_none() {
            issuers.push(LIMITED.to_owned());
        }
        let id_tokens = parts.id_tokens(issuers, parts.url(LIMITED, "/.well-known/oauth/openid/jwks/"));
        Self { id_tokens, parts }
    }

    /// The user of a token that was issued to our client.
    async fn user_of(&self, token: &str) -> Result<String, ProviderError> {
        let client = &self.parts.client;
        let app_token = format!("{}|{}", client.client_id, client.client_secret.expose());
        let query = [("input_token", token), ("access_token", app_token.as_str())];
        let request = self.parts.outbound.http.get(self.parts.url(GRAPH, "/debug_token")).query(&query);
        let reply = self.parts.outbound.send(request).await?;
        if reply.graph_fault().is_some_and(|code| OF_APP_TOKEN.contains(&code.as_str())) {
            return Err(ProviderError::UnknownClient);
        }
        if !reply.is_success() || !reply.is_true("/data/is_valid") {
            return Err(ProviderError::Refused("the access token is not good"));
        }
        if !reply.text("/data/app_id").is_some_and(|app| client.audiences.contains(&app)) {
            return Err(ProviderError::Refused("the access token is another client's"));
        }
        reply.text("/data/user_id").ok_or(ProviderError::Refused("the access token is no user's"))
    }
}

/// Proves to the Graph interface that the token's bearer has the app's secret too: HMAC-SHA256 in hex digits.
fn secret_proof(secret: &str, token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, token.as_bytes()))
}

#[async_trait]
impl SocialProvider for Facebook {
    fn provider(&self) -> Provider {
        Provider::Facebook
    }

    fn authorization_url(&self, attempt: &Attempt) -> Result<Url, ProviderError> {
        let endpoint = self.parts.url(ORIGIN, "/dialog/oauth");
        let url = authorization(&endpoint, &self.parts.client.client_id, SCOPE, attempt)?;
        Ok(with_nonce(with_pkce(url, attempt), attempt))
    }

    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Identity, ProviderError> {
        let reply = self.parts.exchange::<true>(self.parts.url(GRAPH, "/oauth/access_token"), code, attempt).await?;
        let token = reply.text("/access_token").ok_or_else(|| ProviderError::unavailable("it gave no access token"))?;
        let identity = self.of_access_token(&token).await?;
        if let Some(id_token) = reply.text("/id_token") {
            let claimed = self.id_tokens.check(&id_token, Nonce::Required(&attempt.nonce)).await?;
            if claimed.key() != identity.key() {
                return Err(ProviderError::Refused("the tokens are of two users"));
            }
        }
        Ok(identity)
    }

    async fn of_id_token(&self, token: &str) -> Result<TokenClaims, ProviderError> {
        let claims = self.id_tokens.read(token).await?;
        Ok(TokenClaims { identity: claims.identity.with_unverified_email(), ..claims })
    }

    async fn of_access_token(&self, token: &str) -> Result<Identity, ProviderError> {
        let subject = self.user_of(token).await?;
        let proof = secret_proof(self.parts.client.client_secret.expose(), token);
        let query =
            [("fields", "id,email,first_name,last_name"), ("access_token", token), ("appsecret_proof", proof.as_str())];
        let request = self.parts.outbound.http.get(self.parts.url(GRAPH, "/me")).query(&query);
        let reply = self.parts.outbound.send(request).await?;
        if !reply.is_success() || reply.text("/id").as_deref() != Some(subject.as_str()) {
            return Err(ProviderError::Refused("the access token does not say whose it is"));
        }
        let issuer = self.parts.url(ORIGIN, "");
        let identity = Identity::parse(&issuer, &subject, reply.text("/email").as_deref(), false)
            .ok_or(ProviderError::Refused("the subject cannot be one"))?;
        Ok(identity.called(reply.text("/first_name").as_deref(), reply.text("/last_name").as_deref()))
    }
}
