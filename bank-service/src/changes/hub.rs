//! One reader of the outbox per process, for all streams of it. It reads only while somebody listens.

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
/// What a slow stream may be behind; then it is ended, and can resume.
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

/// What a stream listens to.
pub struct Subscription {
    pub(super) live: broadcast::Receiver<Arc<Change>>,
    /// Where the live changes begin: everything after it comes.
    pub(super) begins_after: i64,
    pub(super) store: Store,
    _slot: Slot<UserId>,
}

impl Changes {
    pub fn new(store: Store) -> Self {
        let slots = Slots::new("streams", MAX_PER_USER, MAX_STREAMS);
        Self(Arc::new(Shared { store, hub: tokio::sync::Mutex::new(None), slots }))
    }

    /// A place for one more stream of this user.
    pub fn stream_slot(&self, user: UserId) -> Result<Slot<UserId>, Problem> {
        self.0.slots.take(user)
    }

    /// Listens from now on.
    pub async fn subscribe(&self, slot: Slot<UserId>) -> Result<Subscription, StoreError> {
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
        Ok(Subscription { live, begins_after, store, _slot: slot })
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
