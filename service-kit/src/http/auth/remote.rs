//! Public keys from bank-service's `/.well-known/jwks.json`.
//!
//! Fetched when first needed and kept for ten minutes; then renewed in the background while the old ones still serve. Keys
//! fetched more than a quarter of an hour ago are not trusted: a key withdrawn meanwhile may have been stolen. An unknown `kid`
//! triggers a fetch, at most once in five seconds over all callers, so forged tokens cannot flood the server. An answer has
//! two seconds, 64 KiB and at most 32 keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{JWKS_VARIABLE, Jwk, Jwks, KeyCache, KeySource, KeysUnavailable};
use crate::clock::SharedClock;
use crate::http::{PeerClient, PeerTrust};
use crate::{http, task};

const KEPT: Duration = Duration::from_mins(10);
const BELIEVED: Duration = Duration::from_mins(15);
const TIME_LIMIT: Duration = Duration::from_secs(2);
const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 32;

/// Keys of a server, cached. Clones share one cache.
#[derive(Clone)]
pub struct HttpKeys {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    client: PeerClient,
    cache: KeyCache<Arc<Jwk>>,
}

impl HttpKeys {
    pub fn new(jwks_url: impl Into<String>, trust: &PeerTrust, clock: SharedClock) -> Self {
        let client = PeerClient::new(JWKS_VARIABLE, trust, TIME_LIMIT);
        Self { inner: Arc::new(Inner { url: jwks_url.into(), client, cache: KeyCache::new(clock) }) }
    }
}

#[async_trait]
impl KeySource for HttpKeys {
    async fn key(&self, kid: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable> {
        match self.inner.cache.get(kid) {
            (Some(key), age) if age < KEPT => Ok(Some(key)),
            (Some(key), age) if age < BELIEVED => {
                if self.inner.cache.may_renew() {
                    let inner = Arc::clone(&self.inner);
                    drop(task::spawn("jwks-renewal", async move { inner.renew().await }));
                }
                Ok(Some(key))
            }
            _ => {
                self.inner.renew().await;
                let (key, age) = self.inner.cache.get(kid);
                if age < BELIEVED { Ok(key) } else { Err(KeysUnavailable) }
            }
        }
    }
}

impl Inner {
    async fn renew(&self) {
        if let Err(error) = self.cache.renew(self.fetch()).await {
            tracing::warn!(url = self.url, error, "the token keys cannot be fetched");
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Jwk>>, String> {
        let response = self.client.send(self.client.get(&self.url)).await;
        let response = response.map_err(|error| http::causes(&error.without_url()))?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()));
        }
        let bytes = http::bounded_body(response, MAX_BYTES).await?;
        let set: Jwks = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let usable = set.keys.into_iter().filter(Jwk::is_usable).take(MAX_KEYS);
        Ok(usable.map(|key| (key.kid.clone(), Arc::new(key))).collect())
    }
}
