//! Public keys from bank-service's `/.well-known/jwks.json`.
//!
//! Fetched when first needed and kept for ten minutes; then renewed in the background while the old ones still serve. Keys
//! fetched more than a quarter of an hour ago are not trusted: a key withdrawn meanwhile may be a thief's. An unknown `kid`
//! triggers a fetch, at most once in five seconds over all callers, so forged tokens cannot flood the server. An answer has
//! two seconds, 64 KiB and at most 32 keys.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::{JWKS_VARIABLE, Jwk, Jwks, KeySource, KeysUnavailable};
use crate::clock::SharedClock;
use crate::http::{PeerClient, PeerTrust};
use crate::{http, task};

const KEPT: Duration = Duration::from_mins(10);
const BELIEVED: Duration = Duration::from_mins(15);
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);
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
    clock: SharedClock,
    cached: RwLock<Cached>,
    /// Held during a fetch, so that only one runs; the time of the last attempt.
    attempt: Mutex<Option<DateTime<Utc>>>,
}

#[derive(Default)]
struct Cached {
    keys: HashMap<String, Arc<Jwk>>,
    fetched: Option<DateTime<Utc>>,
}

impl HttpKeys {
    pub fn new(jwks_url: impl Into<String>, trust: &PeerTrust, clock: SharedClock) -> Self {
        let client = PeerClient::new(JWKS_VARIABLE, trust, TIME_LIMIT);
        let inner = Inner { url: jwks_url.into(), client, clock, cached: RwLock::default(), attempt: Mutex::new(None) };
        Self { inner: Arc::new(inner) }
    }
}

#[async_trait]
impl KeySource for HttpKeys {
    async fn key(&self, kid: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable> {
        let (key, age) = self.inner.cached(kid);
        match key {
            Some(key) if age < KEPT => Ok(Some(key)),
            Some(key) if age < BELIEVED => {
                let inner = Arc::clone(&self.inner);
                // One renewal at a time: a task that finds the lock taken leaves the renewal to the holder.
                if inner.attempt.try_lock().is_ok_and(|last| inner.may_attempt(*last)) {
                    drop(task::spawn("jwks-renewal", async move { inner.renew().await }));
                }
                Ok(Some(key))
            }
            _ => {
                self.inner.renew().await;
                let (key, age) = self.inner.cached(kid);
                if age < BELIEVED { Ok(key) } else { Err(KeysUnavailable) }
            }
        }
    }
}

impl Inner {
    /// The key, and how long ago the keys were fetched.
    fn cached(&self, kid: &str) -> (Option<Arc<Jwk>>, Duration) {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let age = cached.fetched.map(|fetched| (self.clock.now() - fetched).to_std().unwrap_or_default());
        (cached.keys.get(kid).cloned(), age.unwrap_or(Duration::MAX))
    }

    fn may_attempt(&self, last: Option<DateTime<Utc>>) -> bool {
        last.is_none_or(|last| (self.clock.now() - last).to_std().is_ok_and(|age| age >= BETWEEN_ATTEMPTS))
    }

    async fn renew(&self) {
        let mut last = self.attempt.lock().await;
        if !self.may_attempt(*last) {
            return;
        }
        let requested_at = self.clock.now();
        *last = Some(requested_at);
        match self.fetch().await {
            Ok(keys) => {
                let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
                *cached = Cached { keys, fetched: Some(requested_at) };
            }
            Err(error) => {
                tracing::warn!(url = self.url, error, "the token keys cannot be fetched");
            }
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
