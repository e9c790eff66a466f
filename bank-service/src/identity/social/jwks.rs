//! A provider's public keys.
//!
//! Fetched when first needed and cached for ten minutes. An unknown `kid` causes a fetch, at most one in five seconds over all
//! callers, so that forged tokens cannot cause a flood. While the provider is unavailable, keys of the last hour stay in use;
//! older ones do not, since one may have been withdrawn. At most 32 keys; only RSA and P-256 keys for signatures count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use service_kit::clock::SharedClock;
use service_kit::http::auth::KeyCache;

use crate::identity::social::error::ProviderError;
use crate::identity::social::outbound::Outbound;

const KEPT: Duration = Duration::from_mins(10);
const SERVES: Duration = Duration::from_hours(1);
const MAX_KEYS: usize = 32;

/// A key with its one algorithm: the key's type decides it, never a token's header.
#[derive(Clone)]
pub(super) struct ProviderKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    fn usable(self) -> Option<(String, ProviderKey)> {
        let (algorithm, name, key) = match self.kty.as_str() {
            "RSA" => (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(&self.n?, &self.e?)),
            "EC" if self.crv.as_deref() == Some("P-256") => {
                (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(&self.x?, &self.y?))
            }
            _ => return None,
        };
        let for_it = self.alg.as_deref().is_none_or(|alg| alg == name);
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let kid = self.kid.filter(|_| for_it && for_signatures)?;
        Some((kid, ProviderKey { algorithm, key: key.ok()? }))
    }
}

pub(super) struct ProviderKeys {
    url: String,
    outbound: Arc<Outbound>,
    cache: KeyCache<ProviderKey>,
}

impl ProviderKeys {
    pub(super) fn new(url: String, outbound: Arc<Outbound>, clock: SharedClock) -> Self {
        Self { url, outbound, cache: KeyCache::new(clock) }
    }

    /// The key of this id; none if the provider has none.
    pub(super) async fn key(&self, kid: &str) -> Result<Option<ProviderKey>, ProviderError> {
        if let (Some(key), age) = self.cache.get(kid)
            && age < KEPT
        {
            return Ok(Some(key));
        }
        let failure = self.cache.renew(self.fetch()).await.err();
        match self.cache.get(kid) {
            (Some(key), age) if age < SERVES => Ok(Some(key)),
            (None, age) if age < KEPT && failure.is_none() => Ok(None),
            _ => Err(failure.unwrap_or_else(|| ProviderError::unavailable("its keys could not be fetched"))),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, ProviderKey>, ProviderError> {
        let reply = self.outbound.send(self.outbound.http.get(&self.url)).await?;
        let listed = reply.body().get("keys").and_then(|keys| keys.as_array()).filter(|_| reply.is_success());
        let listed = listed.ok_or_else(|| ProviderError::unavailable("its keys cannot be read"))?;
        let read = |key: &serde_json::Value| Jwk::deserialize(key).ok().and_then(Jwk::usable);
        Ok(listed.iter().filter_map(read).take(MAX_KEYS).collect())
    }
}
