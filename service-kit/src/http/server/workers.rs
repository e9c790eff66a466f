//! The threads that serve connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_rt::{Arbiter, ArbiterHandle};
use futures_util::future::join_all;
use tokio::sync::oneshot;

/// Turns that a thread takes after its earlier work: one to begin a connection, one to read from it.
const TURNS: usize = 2;

/// Handles of the threads; each registers itself when it starts.
#[derive(Debug, Clone, Default)]
pub(super) struct Workers(Arc<Mutex<Vec<ArbiterHandle>>>);

impl Workers {
    /// Registers the calling thread.
    pub(super) fn register_current(&self) {
        if let Some(handle) = Arbiter::try_current() {
            self.known().push(handle);
        }
    }

    /// Waits until each thread has begun its earlier work, for `limit` at most: a busy machine takes its time.
    pub(super) async fn catch_up(&self, limit: Duration) {
        let turns = self.known().iter().map(take_turns).collect::<Vec<_>>();
        if tokio::time::timeout(limit, join_all(turns)).await.is_err() {
            tracing::warn!("connections may be lost: the threads that serve them are too busy");
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<ArbiterHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes once the thread has taken its turns, or is gone.
fn take_turns(worker: &ArbiterHandle) -> oneshot::Receiver<()> {
    let (done, ended) = oneshot::channel();
    worker.spawn(async move {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        // The receiver may have stopped waiting.
        done.send(()).ok();
    });
    ended
}
