//! A provider's public keys.
//!
//! Fetched when first needed and cached for ten minutes. An unknown `kid` causes a fetch, at most one in five seconds over all
//! callers, so that forged tokens cannot cause a flood. While the provider is unavailable, keys of the last hour stay in use;
//! older ones do not, since one may have been withdrawn. At most 32 keys; only RSA and P-256 keys for signatures count.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use service_kit::clock::SharedClock;
use tokio::sync::Mutex;

use crate::identity::social::error::ProviderError;
use crate::identity::social::outbound::Outbound;

const KEPT: TimeDelta = TimeDelta::minutes(10);
const SERVES: TimeDelta = TimeDelta::hours(1);
const BETWEEN_ATTEMPTS: TimeDelta = TimeDelta::seconds(5);
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

#[derive(Default)]
struct Cached {
    keys: HashMap<String, ProviderKey>,
    fetched: Option<DateTime<Utc>>,
}

pub(super) struct ProviderKeys {
    url: String,
    outbound: Arc<Outbound>,
    clock: SharedClock,
    cached: RwLock<Cached>,
    /// Held during a fetch, so that only one runs; the time of the last attempt.
    attempt: Mutex<Option<DateTime<Utc>>>,
}

impl ProviderKeys {
    pub(super) fn new(url: String, outbound: Arc<Outbound>, clock: SharedClock) -> Self {
        Self { url, outbound, clock, cached: RwLock::default(), attempt: Mutex::new(None) }
    }

    /// The key of this id; none if the provider has none.
    pub(super) async fn key(&self, kid: &str) -> Result<Option<ProviderKey>, ProviderError> {
        if let (Some(key), Some(age)) = self.cached(kid)
            && age < KEPT
        {
            return Ok(Some(key));
        }
        let failure = self.renew().await.err();
        match self.cached(kid) {
            (Some(key), Some(age)) if age < SERVES => Ok(Some(key)),
            (None, Some(age)) if age < KEPT && failure.is_none() => Ok(None),
            _ => Err(failure.unwrap_or_else(|| ProviderError::unavailable("its keys could not be fetched"))),
        }
    }

    /// The key, and the age of all keys.
    fn cached(&self, kid: &str) -> (Option<ProviderKey>, Option<TimeDelta>) {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        (cached.keys.get(kid).cloned(), cached.fetched.map(|fetched| self.clock.now() - fetched))
    }

    async fn renew(&self) -> Result<(), ProviderError> {
        let mut last = self.attempt.lock().await;
        let now = self.clock.now();
        // A caller that waited for the lock takes the keys that the one before it fetched.
        if last.is_some_and(|last| now - last < BETWEEN_ATTEMPTS) {
            return Ok(());
        }
        *last = Some(now);
        let keys = self.fetch().await?;
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Cached { keys, fetched: Some(now) };
        Ok(())
    }

    async fn fetch(&self) -> Result<HashMap<String, ProviderKey>, ProviderError> {
        let reply = self.outbound.send(self.outbound.http.get(&self.url)).await?;
        let listed = reply.body().get("keys").and_then(|keys| keys.as_array()).filter(|_| reply.is_success());
        let listed = listed.ok_or_else(|| ProviderError::unavailable("its keys cannot be read"))?;
        let read = |key: &serde_json::Value| Jwk::deserialize(key).ok().and_then(Jwk::usable);
        Ok(listed.iter().filter_map(read).take(MAX_KEYS).collect())
    }
}
