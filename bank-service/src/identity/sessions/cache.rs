//! The present authority of a token: its session, and its user's roles and block, from the database.
//!
//! An answer is cached for at most one second, so another replica's change counts within that time. A change made here is
//! announced by [`Sessions::forget`] and counts at once: an answer that was being read while the change committed is not
//! cached. At most 10,000 answers are cached; one request at a time reads a session from the database, the others wait for
//! its answer.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use service_kit::clock::SharedClock;
use shared_events::UserId;

use crate::domain::session::{SessionEnd, SessionId};
use crate::store::sessions::{self, Authority};
use crate::store::{Store, StoreError};

const MAX_AGE: Duration = Duration::from_secs(1);
const CAPACITY: usize = 10_000;
/// The number of locks that concurrent reads of sessions are spread over.
const LOADERS: usize = 64;

/// Why a token with a good signature is refused.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error("the session has ended")]
    Revoked,
    #[error("the session is over")]
    Expired,
    #[error("the user is blocked")]
    Blocked,
    #[error("the session cannot be looked up")]
    Store(#[from] StoreError),
}

pub struct Sessions {
    store: Store,
    clock: SharedClock,
    answers: Cache<SessionId, Answer>,
    /// Counts the announced changes; held while an answer is cached or forgotten.
    changes: Mutex<u64>,
    loaders: [tokio::sync::Mutex<()>; LOADERS],
    spread: RandomState,
}

#[derive(Clone)]
struct Answer {
    read_at: Instant,
    /// None: there is no such session.
    authority: Option<Arc<Authority>>,
}

impl Sessions {
    pub fn new(store: Store, clock: SharedClock) -> Self {
        Self {
            store,
            clock,
            answers: Cache::new(CAPACITY),
            changes: Mutex::new(0),
            loaders: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            spread: RandomState::new(),
        }
    }

    /// The authority of a session that counts now.
    pub async fn authority(&self, id: SessionId) -> Result<Arc<Authority>, Denied> {
        let authority = match self.kept(id) {
            Some(answer) => answer.authority,
            None => self.load(id).await?,
        };
        check(authority, self.clock.now())
    }

    /// Forgets the answer of a session. Call it after the commit that ended it.
    pub fn forget(&self, id: SessionId) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        *changes = changes.wrapping_add(1);
        self.answers.remove(&id);
    }

    /// Forgets the answers of a user's sessions. Call it after the commit that changed them, the user's roles or its block.
    pub fn forget_user(&self, user: UserId) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        *changes = changes.wrapping_add(1);
        let is_of_another = |answer: &Answer| answer.authority.as_ref().is_some_and(|a| a.session.user_id != user);
        self.answers.retain(|_, answer| is_of_another(answer));
    }

    /// Forgets everything. Call it after a commit that changed the authority of many sessions.
    pub fn forget_all(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        *changes = changes.wrapping_add(1);
        self.answers.clear();
    }

    fn kept(&self, id: SessionId) -> Option<Answer> {
        self.answers.get(&id).filter(|answer| answer.read_at.elapsed() < MAX_AGE)
    }

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Authority>>, StoreError> {
        let _turn = match self.loader(id) {
            Some(loader) => Some(loader.lock().await),
            None => None,
        };
        if let Some(answer) = self.kept(id) {
            return Ok(answer.authority);
        }
        // The age counts from before the read, and a change announced from here on voids the answer.
        let read_at = Instant::now();
        let before = *self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = self.store.read(move |db| sessions::authority(db, id)).await?.map(Arc::new);
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if *changes == before {
            self.answers.insert(id, Answer { read_at, authority: authority.clone() });
        }
        Ok(authority)
    }

    fn loader(&self, id: SessionId) -> Option<&tokio::sync::Mutex<()>> {
        let slots = u64::try_from(LOADERS).ok()?;
        let slot = self.spread.hash_one(id).checked_rem(slots)?;
        self.loaders.get(usize::try_from(slot).ok()?)
    }
}

fn check(authority: Option<Arc<Authority>>, now: DateTime<Utc>) -> Result<Arc<Authority>, Denied> {
    let authority = authority.ok_or(Denied::Revoked)?;
    if authority.is_blocked {
        return Err(Denied::Blocked);
    }
    match authority.session.check(now) {
        Ok(()) => Ok(authority),
        Err(SessionEnd::Revoked) => Err(Denied::Revoked),
        Err(SessionEnd::Expired) => Err(Denied::Expired),
    }
}
