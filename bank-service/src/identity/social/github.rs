//! GitHub: OAuth 2 with PKCE, no OpenID Connect.
//!
//! `POST /applications/{client_id}/token` gives the user of an access token, and that it was issued to our client, also for a token
//! that was just exchanged. Addresses come from `/user/emails`, which says which of them are verified.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::domain::social::{Identity, Provider};
use crate::identity::social::error::ProviderError;
use crate::identity::social::id_token::TokenClaims;
use crate::identity::social::provider::{Attempt, Parts, SocialProvider, authorization, with_pkce};

const ORIGIN: &str = "https://github.com";
const API: &str = "https://api.github.com";
const SCOPE: &str = "read:user user:email";

pub(super) struct GitHub {
    parts: Parts,
    api: String,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(super) fn new(parts: Parts) -> Self {
        // A GitHub Enterprise server has its interface below /api/v3.
        let api = parts.client.base_url.as_ref().map_or_else(|| API.to_owned(), |base| format!("{base}/api/v3"));
        Self { parts, api }
    }

    /// The address to use: the primary one if it is verified, else another that is, else the primary one.
    async fn address(&self, token: &str) -> Result<Option<Address>, ProviderError> {
        let outbound = &self.parts.outbound;
        let request = outbound.http.get(format!("{}/user/emails", self.api)).bearer_auth(token);
        let reply = outbound.send(request).await?;
        if !reply.is_success() {
            // The token has no right to read addresses.
            return Ok(None);
        }
        let mut addresses = Vec::<Address>::deserialize(reply.body())
            .map_err(|_| ProviderError::unavailable("its list of addresses cannot be read"))?;
        addresses.sort_by_key(|address| (!address.verified, !address.primary));
        Ok(addresses.into_iter().find(|address| address.verified || address.primary))
    }
}

#[async_trait]
impl SocialProvider for GitHub {
    fn provider(&self) -> Provider {
        Provider::GitHub
    }

    fn authorization_url(&self, attempt: &Attempt) -> Result<Url, ProviderError> {
        let endpoint = self.parts.url(ORIGIN, "/login/oauth/authorize");
        Ok(with_pkce(authorization(&endpoint, &self.parts.client.client_id, SCOPE, attempt)?, attempt))
    }

    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Identity, ProviderError> {
        let reply =
            self.parts.exchange::<true>(self.parts.url(ORIGIN, "/login/oauth/access_token"), code, attempt).await?;
        let token = reply.text("/access_token").ok_or_else(|| ProviderError::unavailable("it gave no access token"))?;
        self.of_access_token(&token).await
    }

    fn has_id_tokens(&self) -> bool {
        false
    }

    async fn of_id_token(&self, _: &str) -> Result<TokenClaims, ProviderError> {
        Err(ProviderError::NotOffered)
    }

    async fn of_access_token(&self, token: &str) -> Result<Identity, ProviderError> {
        let client = &self.parts.client;
        let url = format!("{}/applications/{}/token", self.api, client.client_id);
        let request = self.parts.outbound.http.post(url).json(&json!({ "access_token": token }));
        let request = request.basic_auth(&client.client_id, Some(client.client_secret.expose()));
        let reply = self.parts.outbound.send(request).await?;
        match reply.status() {
            200..=299 => {}
            401 => return Err(ProviderError::UnknownClient),
            _ => return Err(ProviderError::Refused("the access token is not good, or another client's")),
        }
        if reply.text("/app/client_id").as_deref() != Some(client.client_id.as_str()) {
            return Err(ProviderError::Refused("the access token is another client's"));
        }
        let subject = reply.text("/user/id").ok_or(ProviderError::Refused("the access token is no user's"))?;
        let address = self.address(token).await?;
        let (email, verified) = address.map_or((None, false), |found| (Some(found.email), found.verified));
        let issuer = self.parts.url(ORIGIN, "");
        let identity = Identity::parse(&issuer, &subject, email.as_deref(), verified)
            .ok_or(ProviderError::Refused("the subject cannot be one"))?;
        // GitHub has a single name: the part before the first blank becomes the first name.
        let name = reply.text("/user/name").unwrap_or_default();
        let (first, last) = name.trim().split_once(' ').map_or((name.as_str(), None), |(a, b)| (a, Some(b)));
        Ok(identity.called(Some(first), last))
    }
}
