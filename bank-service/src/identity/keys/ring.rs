//! The signing keys of access tokens.
//!
//! Made on first start and stored in the database, the private halves sealed under `SECRET_KEY`. One signs; the next one is in
//! the key set for [`PUBLISHED_FOR`] before it takes over, and retired ones stay in it until the last token they signed has
//! expired. The stored times determine which key signs, so all replicas change over at the same moment. A replica finds a key
//! of another process within a minute, or when it meets its id (reading the database at most once a second, so that forged
//! ids cost nothing).
//! Replicas that start at the same time may each make a key: all of them are in the table, so each verifies what any other signs.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use service_kit::clock::SharedClock;
use service_kit::http::auth::{AuthError, Claims, Jwk, Jwks, KeySource, KeysUnavailable, SigningKey};
use service_kit::task;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::identity::keys::rotation::{NewKey, Rotated, make_first, replace_compromised, rotate};
use crate::sealing::{Place, Vault};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Ctx, Db, Outcome, Store, StoreError};

/// How long a new key is in the key set before it signs: log-service and email-service cache the set for ten minutes, and
/// replicas their keys for one.
const PUBLISHED_FOR: TimeDelta = TimeDelta::minutes(12);
/// The least time between two database reads for unknown key ids.
const BETWEEN_LOOKUPS: Duration = Duration::from_secs(1);
/// The greatest age of a replica's keys before it reads them again.
const MAX_AGE: TimeDelta = TimeDelta::minutes(1);
/// Added to a token's lifetime: replicas that learn late, and clocks that differ.
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
    /// The lifetime of access tokens: a retired key is needed for so long.
    token_lifetime: TimeDelta,
    current: RwLock<Arc<Ring>>,
    /// Held during a lookup, so that only one runs; the time of the last one.
    lookup: Mutex<Option<Instant>>,
    /// The runtime of lookups: tokens are also signed on store threads, which have no runtime.
    runtime: Handle,
}

/// The keys as read, the newest first.
struct Ring {
    keys: Vec<Known>,
    token_lifetime: TimeDelta,
    read_on: DateTime<Utc>,
}

struct Known {
    public: Arc<Jwk>,
    /// None once the key is retired.
    private: Option<SigningKey>,
    created_on: DateTime<Utc>,
    signs_from: DateTime<Utc>,
    retired_on: Option<DateTime<Utc>>,
}

impl Known {
    fn signs(&self, now: DateTime<Utc>) -> bool {
        self.signs_from <= now && self.retired_on.is_none_or(|retired| now < retired)
    }

    /// Whether tokens signed with it can be valid, now or later.
    fn is_published(&self, now: DateTime<Utc>, token_lifetime: TimeDelta) -> bool {
        self.retired_on.is_none_or(|retired| now < retired + token_lifetime + SLACK)
    }
}

impl Ring {
    /// The key that signs now; the newest if clocks differ so much that none does.
    fn active(&self, now: DateTime<Utc>) -> Option<&SigningKey> {
        let signing = self.keys.iter().find(|key| key.signs(now)).and_then(|key| key.private.as_ref());
        signing.or_else(|| self.keys.iter().find_map(|key| key.private.as_ref()))
    }

    fn published(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Known> {
        self.keys.iter().filter(move |key| key.is_published(now, self.token_lifetime))
    }

    fn find(&self, kid: &str, now: DateTime<Utc>) -> Option<Arc<Jwk>> {
        self.published(now).find(|key| key.public.kid == kid).map(|key| Arc::clone(&key.public))
    }

    /// Whether the newest key is old enough for a successor.
    fn is_due(&self, now: DateTime<Utc>, max_age: TimeDelta) -> bool {
        self.keys.iter().find(|key| key.retired_on.is_none()).is_some_and(|key| now - key.created_on >= max_age)
    }
}

impl KeyRing {
    pub async fn start(
        store: Store,
        vault: Arc<Vault>,
        clock: SharedClock,
        token_lifetime: TimeDelta,
    ) -> Result<Self, KeyError> {
        let ring = if let Some(ring) = read(&store, &vault, clock.now(), token_lifetime).await? {
            ring
        } else {
            let new = new_key(&vault)?;
            store.write(&store.ctx(clock.now()), move |db, ctx| make_first(db, ctx, &new)).await?;
            read(&store, &vault, clock.now(), token_lifetime).await?.ok_or(KeyError::Corrupt)?
        };
        let (current, lookup, runtime) = (RwLock::new(Arc::new(ring)), Mutex::new(None), Handle::current());
        Ok(Self(Arc::new(Shared { store, vault, clock, token_lifetime, current, lookup, runtime })))
    }

    /// The lifetime of the access tokens that it signs.
    pub(in crate::identity) fn token_lifetime(&self) -> TimeDelta {
        self.0.token_lifetime
    }

    /// Signs with the active key.
    pub fn sign(&self, claims: &Claims) -> Result<String, AuthError> {
        let ring = self.0.recent();
        ring.active(self.0.clock.now()).ok_or(AuthError::Key)?.sign(claims)
    }

    /// The public keys that verify tokens, now and soon.
    pub fn jwks(&self) -> Jwks {
        let ring = self.0.recent();
        let mut keys: Vec<Jwk> = ring.published(self.0.clock.now()).map(|key| key.public.as_ref().clone()).collect();
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        Jwks { keys }
    }

    /// Makes the next key; none if another process made one at the same moment.
    pub async fn rotate(&self) -> Result<Option<Rotated>, KeyError> {
        let rotated = self.0.make_next(TimeDelta::zero()).await?;
        self.0.renew().await?;
        Ok(rotated)
    }

    /// Makes a key that signs at once, and deletes the others: tokens that they signed are void here at once, and elsewhere when
    /// the key set is read again.
    pub async fn replace_compromised(&self) -> Result<Rotated, KeyError> {
        let (shared, new) = (&self.0, new_key(&self.0.vault)?);
        let rotated = shared.store.write(&shared.ctx(), move |db, ctx| replace_compromised(db, ctx, &new)).await?;
        shared.renew().await?;
        Ok(rotated)
    }

    /// The periodic work: makes the next key where the newest is too old, deletes those that no valid token needs, and reads the
    /// keys of other processes.
    pub async fn tend(&self, max_age: TimeDelta) -> Result<(), KeyError> {
        let shared = &self.0;
        shared.renew().await?;
        let (ring, now) = (shared.ring(), shared.clock.now());
        if ring.is_due(now, max_age)
            && let Some(rotated) = shared.make_next(max_age).await?
        {
            tracing::info!(kid = rotated.kid, signs_from = %rotated.signs_from, "a new signing key");
        }
        if ring.keys.iter().any(|key| !key.is_published(now, ring.token_lifetime)) {
            let before = now - shared.token_lifetime - SLACK;
            let purge = move |db: &mut Db, _: &Ctx| signing_keys::purge(db, before).map(Outcome::new);
            shared.store.write(&shared.ctx(), purge).await.map_err(|error: StoreError| KeyError::Store(error))?;
        }
        shared.renew().await
    }
}

impl Shared {
    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ring; an old one is read again in the background.
    fn recent(self: &Arc<Self>) -> Arc<Ring> {
        let ring = self.ring();
        if self.clock.now() - ring.read_on > MAX_AGE {
            let shared = Arc::clone(self);
            let _inside = self.runtime.enter();
            drop(task::spawn("signing-keys", async move { shared.refetch().await }));
        }
        ring
    }

    fn ctx(&self) -> Ctx {
        self.store.ctx(self.clock.now())
    }

    async fn make_next(&self, if_older_than: TimeDelta) -> Result<Option<Rotated>, KeyError> {
        let new = new_key(&self.vault)?;
        let operation = move |db: &mut Db, ctx: &Ctx| rotate(db, ctx, &new, PUBLISHED_FOR, if_older_than);
        Ok(self.store.write(&self.ctx(), operation).await?)
    }

    async fn renew(&self) -> Result<(), KeyError> {
        if let Some(ring) = read(&self.store, &self.vault, self.clock.now(), self.token_lifetime).await? {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
        Ok(())
    }

    /// Reads the keys again, unless the last lookup was a moment ago.
    async fn refetch(&self) {
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
    async fn key(&self, kid: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable> {
        if let Some(key) = self.0.ring().find(kid, self.0.clock.now()) {
            return Ok(Some(key));
        }
        self.0.refetch().await;
        Ok(self.0.ring().find(kid, self.0.clock.now()))
    }
}

pub(in crate::identity) fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "sealed_private_key", row: kid }
}

fn new_key(vault: &Vault) -> Result<NewKey, KeyError> {
    let key = SigningKey::generate();
    let sealed_private_key = vault.seal(place(key.kid()), key.pkcs8()).map_err(|_| KeyError::Corrupt)?;
    let public_key = serde_json::to_vec(&key.jwk()).map_err(|_| KeyError::Corrupt)?;
    Ok(NewKey { kid: key.kid().to_owned(), sealed_private_key, public_key })
}

/// None if there is no key to sign with.
async fn read(
    store: &Store,
    vault: &Vault,
    now: DateTime<Utc>,
    token_lifetime: TimeDelta,
) -> Result<Option<Ring>, KeyError> {
    let stored = store.read(|db| signing_keys::list(db).map_err(KeyError::from)).await?;
    if stored.iter().all(|key| key.retired_on.is_some()) {
        return Ok(None);
    }
    let keys = stored.iter().map(|key| open(vault, key, now)).collect::<Result<_, _>>()?;
    Ok(Some(Ring { keys, token_lifetime, read_on: now }))
}

fn open(vault: &Vault, key: &StoredKey, now: DateTime<Utc>) -> Result<Known, KeyError> {
    let public: Jwk = serde_json::from_slice(&key.public_key).map_err(|_| KeyError::Corrupt)?;
    let private = if key.retired_on.is_none_or(|retired| now < retired) {
        let pkcs8 = vault.open(place(&key.kid), &key.sealed_private_key).map_err(|_| KeyError::WrongSecretKey)?;
        Some(SigningKey::from_pkcs8(&key.kid, &pkcs8).map_err(|_| KeyError::Corrupt)?)
    } else {
        None
    };
    let StoredKey { created_on, signs_from, retired_on, .. } = *key;
    Ok(Known { public: Arc::new(public), private, created_on, signs_from, retired_on })
}
