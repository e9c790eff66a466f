//! One reader of the outbox per process, for all streams of it. It reads only while somebody listens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use service_kit::task;
use shared_events::UserId;
use tokio::sync::broadcast;

use super::{Change, MAX_PER_USER, MAX_STREAMS};
use crate::store::changes::Reader;
use crate::store::{Store, StoreError};

/// How often the outbox is read: another process may have written to it.
const POLL: Duration = Duration::from_millis(300);
/// What a slow stream may be behind; then it is ended, and can resume.
const BACKLOG: usize = 1_024;

/// Clones share everything.
#[derive(Clone)]
pub struct Changes(Arc<Shared>);

struct Shared {
    store: Store,
    hub: tokio::sync::Mutex<Option<Hub>>,
    streams: Mutex<HashMap<UserId, usize>>,
}

/// The running reader.
struct Hub {
    sender: broadcast::WeakSender<Arc<Change>>,
}

/// A place among the streams; given back when it is dropped.
pub struct Seat {
    changes: Changes,
    user: UserId,
}

/// Why there is no place for one more stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSeat {
    /// The user has as many as one may have.
    OwnTooMany,
    /// The process has as many as there may be.
    Full,
}

/// What a stream listens to.
pub struct Subscription {
    pub(super) live: broadcast::Receiver<Arc<Change>>,
    /// Where the live changes begin: everything after it comes.
    pub(super) begins_after: i64,
    pub(super) store: Store,
    _seat: Seat,
}

impl Changes {
    pub fn new(store: Store) -> Self {
        let (hub, streams) = (tokio::sync::Mutex::new(None), Mutex::new(HashMap::new()));
        Self(Arc::new(Shared { store, hub, streams }))
    }

    /// A place for one more stream of this user.
    pub fn seat(&self, user: UserId) -> Result<Seat, NoSeat> {
        let mut streams = self.0.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = streams.values().sum();
        let own = streams.get(&user).copied().unwrap_or_default();
        if own >= MAX_PER_USER {
            return Err(NoSeat::OwnTooMany);
        }
        if all >= MAX_STREAMS {
            return Err(NoSeat::Full);
        }
        streams.insert(user, own + 1);
        Ok(Seat { changes: self.clone(), user })
    }

    /// Listens from now on.
    pub async fn subscribe(&self, seat: Seat) -> Result<Subscription, StoreError> {
        let mut hub = self.0.hub.lock().await;
        let running = hub.as_ref().and_then(|hub| hub.sender.upgrade());
        // Subscribed before the position is read: what comes in between comes twice, and is told apart by its position.
        let store = self.0.store.clone();
        let (live, begins_after) = if let Some(sender) = running {
            let live = sender.subscribe();
            (live, store.read(Reader::at_end).await?.position())
        } else {
            let reader = store.read(Reader::at_end).await?;
            let begins_after = reader.position();
            let (sender, live) = broadcast::channel(BACKLOG);
            *hub = Some(Hub { sender: sender.downgrade() });
            drop(task::spawn("live-changes", run(store.clone(), sender, reader)));
            (live, begins_after)
        };
        Ok(Subscription { live, begins_after, store, _seat: seat })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut streams = self.changes.0.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = streams.get_mut(&self.user) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                streams.remove(&self.user);
            }
        }
    }
}

/// Reads until nobody listens any more.
async fn run(store: Store, sender: broadcast::Sender<Arc<Change>>, mut reader: Reader) {
    while sender.receiver_count() > 0 {
        let mut next = reader.clone();
        let read =
            store.read(move |db| next.read(db, Instant::now()).map(|(changes, more)| (next, changes, more))).await;
        match read {
            Ok((moved, changes, more)) => {
                reader = moved;
                for change in changes {
                    // Nobody may be left to hear it.
                    drop(sender.send(Arc::new(change)));
                }
                if more {
                    continue;
                }
            }
            Err(error) => {
                let error: StoreError = error;
                tracing::warn!(%error, "live changes wait for the database");
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
