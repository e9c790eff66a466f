//! One reader of the outbox per process, shared by all streams. It reads only while a stream is open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use service_kit::http::problem::Problem;
use service_kit::http::stream::{Slot, Slots};
use service_kit::task;
use shared_events::UserId;
use tokio::sync::broadcast;

use super::{Change, MAX_PER_USER, MAX_STREAMS};
use crate::store::changes::Reader;
use crate::store::{Store, StoreError};

/// How often the outbox is read: another process may have written to it.
const POLL: Duration = Duration::from_millis(300);
/// How many changes a slow stream may lag behind; beyond it the stream ends, and the client can resume.
const BACKLOG: usize = 1_024;

/// Clones share everything.
#[derive(Clone)]
pub struct Changes(Arc<Shared>);

struct Shared {
    store: Store,
    hub: tokio::sync::Mutex<Option<Hub>>,
    slots: Arc<Slots<UserId>>,
}

/// The running reader.
struct Hub {
    sender: broadcast::WeakSender<Arc<Change>>,
}

/// A stream's changes, and the place where they begin.
pub struct Subscription {
    pub(super) live: broadcast::Receiver<Arc<Change>>,
    /// The position after which the live changes are complete.
    pub(super) begins_after: i64,
    pub(super) store: Store,
    _slot: Slot<UserId>,
}

impl Changes {
    pub fn new(store: Store) -> Self {
        let slots = Slots::new("streams", MAX_PER_USER, MAX_STREAMS);
        Self(Arc::new(Shared { store, hub: tokio::sync::Mutex::new(None), slots }))
    }

    /// Takes a slot for one more stream of this user.
    pub fn stream_slot(&self, user: UserId) -> Result<Slot<UserId>, Problem> {
        self.0.slots.take(user)
    }

    /// Subscribes to the changes from now on.
    pub async fn subscribe(&self, slot: Slot<UserId>) -> Result<Subscription, StoreError> {
        let mut hub = self.0.hub.lock().await;
        let running = hub.as_ref().and_then(|hub| hub.sender.upgrade());
        // Subscribe before reading the position: a change in between is seen twice, and its position identifies the duplicate.
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
        Ok(Subscription { live, begins_after, store, _slot: slot })
    }
}

/// Reads until the last subscriber is gone.
async fn run(store: Store, sender: broadcast::Sender<Arc<Change>>, mut reader: Reader) {
    while sender.receiver_count() > 0 {
        let mut next = reader.clone();
        let read =
            store.read(move |db| next.read(db, Instant::now()).map(|(changes, more)| (next, changes, more))).await;
        match read {
            Ok((moved, changes, more)) => {
                reader = moved;
                for change in changes {
                    // The last subscriber may have left meanwhile.
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
