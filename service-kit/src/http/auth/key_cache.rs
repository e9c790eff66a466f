//! Public keys of another server by their `kid`, and when they may be fetched again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::clock::SharedClock;

/// The pause between fetches, over all callers: tokens with forged key ids cannot flood the server.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);

/// Fetched keys. The caller decides how long they are valid.
pub struct KeyCache<K> {
    clock: SharedClock,
    cached: RwLock<Cached<K>>,
    /// Held during a fetch, so that only one runs; the time of the last attempt.
    attempt: Mutex<Option<DateTime<Utc>>>,
}

struct Cached<K> {
    keys: HashMap<String, K>,
    fetched: Option<DateTime<Utc>>,
}

impl<K: Clone> KeyCache<K> {
    pub fn new(clock: SharedClock) -> Self {
        let cached = RwLock::new(Cached { keys: HashMap::new(), fetched: None });
        Self { clock, cached, attempt: Mutex::new(None) }
    }

    /// The key, and how long ago the keys were fetched; the longest time if never.
    pub fn get(&self, kid: &str) -> (Option<K>, Duration) {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let age = cached.fetched.map_or(Duration::MAX, |fetched| self.since(fetched));
        (cached.keys.get(kid).cloned(), age)
    }

    /// Whether no fetch runs, and the last one is long enough ago.
    pub fn may_renew(&self) -> bool {
        self.attempt.try_lock().is_ok_and(|last| self.is_due(*last))
    }

    /// Fetches the keys, unless that was done or tried just now. A caller that waits for another's fetch takes its keys.
    pub async fn renew<E>(&self, fetch: impl Future<Output = Result<HashMap<String, K>, E>>) -> Result<(), E> {
        let mut last = self.attempt.lock().await;
        if !self.is_due(*last) {
            return Ok(());
        }
        let requested_at = self.clock.now();
        *last = Some(requested_at);
        let keys = fetch.await?;
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        *cached = Cached { keys, fetched: Some(requested_at) };
        Ok(())
    }

    fn is_due(&self, last: Option<DateTime<Utc>>) -> bool {
        last.is_none_or(|last| self.since(last) >= BETWEEN_ATTEMPTS)
    }

    fn since(&self, time: DateTime<Utc>) -> Duration {
        (self.clock.now() - time).to_std().unwrap_or_default()
    }
}
