//! Connections that have sent no request yet. A server that stops would close them, and a proxy whose request is on its way
//! then must not send it to another replica: it may have been done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::{Extensions, ServiceRequest};

const POLL: Duration = Duration::from_millis(20);

/// How many there are now. Clones count the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Newcomers(Arc<AtomicUsize>);

/// What a connection carries until its end.
struct Newcomer {
    all: Newcomers,
    has_asked: AtomicBool,
}

impl Newcomers {
    /// For each new connection.
    pub(super) fn meet(&self, connection: &mut Extensions) {
        self.0.fetch_add(1, Ordering::SeqCst);
        connection.insert(Newcomer { all: self.clone(), has_asked: AtomicBool::new(false) });
    }

    /// Waits until all have asked or gone, as long as `limit` at most.
    pub(super) async fn asked(&self, limit: Duration) {
        let asked = async {
            while self.0.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        // Those that are silent for so long are not waited for.
        drop(tokio::time::timeout(limit, asked).await);
    }
}

impl Newcomer {
    fn ask(&self) {
        if !self.has_asked.load(Ordering::Relaxed) && !self.has_asked.swap(true, Ordering::SeqCst) {
            self.all.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.ask();
    }
}

/// For each request: its connection is no newcomer any more.
pub(super) fn has_asked(request: &ServiceRequest) {
    if let Some(newcomer) = request.conn_data::<Newcomer>() {
        newcomer.ask();
    }
}
