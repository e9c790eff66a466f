//! The keys that access tokens are signed with.
//!
//! Made on first start and kept in the database, the private halves sealed under `SECRET_KEY`. One signs; retired ones stay
//! in the key set until the last token they signed has expired. A replica finds a key that another one made when it meets its
//! id (looking into the database at most once a second, so that forged ids cost nothing), and in any case within a minute.
//! Replicas that start together may each make a key: all of them are in the table, so each verifies what any other signs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use service_kit::clock::SharedClock;
use service_kit::http::auth::{AuthError, Claims, Jwk, Jwks, KeySource, SigningKey};
use service_kit::task;
use shared_events::events::{KeysRotated, SecurityFacts};
use tokio::sync::Mutex;

use super::vault::{Place, Vault};
use crate::domain::session::ACCESS_TOKEN_LIFETIME;
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Outcome, Store, StoreError};

/// How often unknown key ids may send us to the database.
const BETWEEN_LOOKUPS: Duration = Duration::from_secs(1);
/// How long a replica may sign with a key that another one has retired.
const MAX_AGE: Duration = Duration::from_mins(1);
/// Beyond a token's lifetime: replicas that learn late, and clocks that differ.
const SLACK: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "SECRET_KEY: does not open the signing keys in the database; expected the value that they were made with (or delete the rows of signing_keys, which ends all sessions)"
    )]
    WrongSecretKey,
    #[error("the signing keys in the database cannot be read")]
    Corrupt,
    #[error("DATABASE_URL: the signing keys cannot be read or written: {0}")]
    Store(#[from] StoreError),
}

pub struct KeyRing(Arc<Shared>);

struct Shared {
    store: Store,
    vault: Arc<Vault>,
    clock: SharedClock,
    current: RwLock<Arc<Ring>>,
    /// Held during a lookup, so that there is one at a time; when the last one was.
    lookup: Mutex<Option<Instant>>,
}

/// The keys as they were read.
struct Ring {
    active: Arc<SigningKey>,
    public: HashMap<String, Arc<Jwk>>,
    read_at: Instant,
}

impl KeyRing {
    pub async fn start(store: Store, vault: Arc<Vault>, clock: SharedClock) -> Result<Self, KeyError> {
        let ring = if let Some(ring) = read(&store, &vault, clock.now()).await? {
            ring
        } else {
            add_key(&store, &vault, clock.now(), Replace::OnlyIfNone).await?;
            read(&store, &vault, clock.now()).await?.ok_or(KeyError::Corrupt)?
        };
        let current = RwLock::new(Arc::new(ring));
        Ok(Self(Arc::new(Shared { store, vault, clock, current, lookup: Mutex::new(None) })))
    }

    /// Signs with the active key.
    pub fn sign(&self, claims: &Claims) -> Result<String, AuthError> {
        let ring = self.0.ring();
        if ring.read_at.elapsed() > MAX_AGE {
            let shared = Arc::clone(&self.0);
            drop(task::spawn("signing-keys", async move { shared.look_up().await }));
        }
        ring.active.sign(claims)
    }

    /// The public keys by which tokens can be checked.
    pub fn jwks(&self) -> Jwks {
        let mut keys: Vec<Jwk> = self.0.ring().public.values().map(|key| key.as_ref().clone()).collect();
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        Jwks { keys }
    }

    /// Makes a new key, and signs with it from now on. Tokens signed before stay valid.
    pub async fn rotate(&self) -> Result<(), KeyError> {
        let shared = &self.0;
        add_key(&shared.store, &shared.vault, shared.clock.now(), Replace::Always).await?;
        shared.renew().await
    }
}

impl Shared {
    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn renew(&self) -> Result<(), KeyError> {
        if let Some(ring) = read(&self.store, &self.vault, self.clock.now()).await? {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
        Ok(())
    }

    /// Reads the keys again, unless somebody just did.
    async fn look_up(&self) {
        let mut last = self.lookup.lock().await;
        if last.is_some_and(|last| last.elapsed() < BETWEEN_LOOKUPS) {
            return;
        }
        if let Err(error) = self.renew().await {
            tracing::warn!(%error, "the signing keys cannot be read again; keeping those in memory");
        }
        *last = Some(Instant::now());
    }
}

#[async_trait]
impl KeySource for KeyRing {
    async fn key(&self, kid: &str) -> Option<Arc<Jwk>> {
        if let Some(key) = self.0.ring().public.get(kid) {
            return Some(Arc::clone(key));
        }
        self.0.look_up().await;
        self.0.ring().public.get(kid).cloned()
    }
}

fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "sealed_private_key", row: kid }
}

/// None if there is no key to sign with.
async fn read(store: &Store, vault: &Vault, now: DateTime<Utc>) -> Result<Option<Ring>, KeyError> {
    let stored = store.read(|db| signing_keys::list(db).map_err(KeyError::from)).await?;
    let Some(newest) = stored.iter().find(|key| key.retired_on.is_none()) else { return Ok(None) };
    let private = vault.open(place(&newest.kid), &newest.sealed_private_key).map_err(|_| KeyError::WrongSecretKey)?;
    let active = SigningKey::from_pkcs8(&newest.kid, &private).map_err(|_| KeyError::Corrupt)?;
    let mut public = HashMap::new();
    for key in stored.iter().filter(|key| is_in_use(key, now)) {
        let jwk: Jwk = serde_json::from_slice(&key.public_key).map_err(|_| KeyError::Corrupt)?;
        public.insert(key.kid.clone(), Arc::new(jwk));
    }
    Ok(Some(Ring { active: Arc::new(active), public, read_at: Instant::now() }))
}

/// Whether tokens signed with the key can still be valid.
fn is_in_use(key: &StoredKey, now: DateTime<Utc>) -> bool {
    key.retired_on.is_none_or(|retired| now < retired + ACCESS_TOKEN_LIFETIME + SLACK)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Replace {
    OnlyIfNone,
    Always,
}

/// Adds a key. `Always` retires the others and deletes those that nothing can be checked with any more.
async fn add_key(store: &Store, vault: &Vault, now: DateTime<Utc>, replace: Replace) -> Result<(), KeyError> {
    let key = SigningKey::generate();
    let sealed_private_key = vault.seal(place(key.kid()), key.pkcs8()).map_err(|_| KeyError::Corrupt)?;
    let public_key = serde_json::to_vec(&key.jwk()).map_err(|_| KeyError::Corrupt)?;
    let kid = key.kid().to_owned();
    let new = StoredKey { kid, sealed_private_key, public_key, created_on: now, retired_on: None };
    let operation = move |db: &mut crate::store::Db, ctx: &crate::store::Ctx| {
        let exists = signing_keys::list(db)?.iter().any(|key| key.retired_on.is_none());
        if replace == Replace::OnlyIfNone && exists {
            return Ok(Outcome::new(()));
        }
        signing_keys::insert(db, &new)?;
        if replace == Replace::OnlyIfNone {
            return Ok(Outcome::new(()));
        }
        signing_keys::retire_others(db, &new.kid, ctx.now)?;
        signing_keys::purge(db, ctx.now - ACCESS_TOKEN_LIFETIME - SLACK)?;
        let facts = SecurityFacts { user_id: None, session_id: None, remote_addr: None, detail: Some(new.kid.clone()) };
        Ok(Outcome::new(()).event(&KeysRotated(facts)))
    };
    store.write(&store.ctx(now), operation).await.map_err(|error: StoreError| KeyError::Store(error))
}
