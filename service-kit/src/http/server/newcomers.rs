//! Counts connections that have sent no request yet. A stopping server would close them, but a proxy whose request is already
//! on its way must not send it to another replica: it may have been processed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::{Extensions, ServiceRequest};

const POLL: Duration = Duration::from_millis(20);

/// The number of such connections now. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Newcomers(Arc<AtomicUsize>);

/// Carried by a connection until its end.
struct Newcomer {
    all: Newcomers,
    has_requested: AtomicBool,
}

impl Newcomers {
    /// Counts a new connection.
    pub(super) fn meet(&self, connection: &mut Extensions) {
        self.0.fetch_add(1, Ordering::SeqCst);
        connection.insert(Newcomer { all: self.clone(), has_requested: AtomicBool::new(false) });
    }

    /// Waits until each connection has sent a request or closed, for `limit` at most.
    pub(super) async fn first_requests(&self, limit: Duration) {
        let all_requested = async {
            while self.0.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        // A connection that is silent for longer is not waited for.
        drop(tokio::time::timeout(limit, all_requested).await);
    }
}

impl Newcomer {
    fn requested(&self) {
        if !self.has_requested.load(Ordering::Relaxed) && !self.has_requested.swap(true, Ordering::SeqCst) {
            self.all.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.requested();
    }
}

/// Called for each request: its connection is no newcomer any more.
pub(super) fn mark_requested(request: &ServiceRequest) {
    if let Some(newcomer) = request.conn_data::<Newcomer>() {
        newcomer.requested();
    }
}
