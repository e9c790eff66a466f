//! The server's last known health, cached for a short time, so that probes do not become a load of their own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a failure is cached: short, since mail waits for it to pass.
const FAILURE_CACHE: Duration = Duration::from_millis(500);

pub(super) struct Health {
    known: Mutex<Option<(Instant, Result<(), String>)>>,
    success_cache: Duration,
    /// Held by the one probe that runs.
    pub(super) probing: tokio::sync::Mutex<()>,
}

impl Health {
    pub(super) fn new(success_cache: Duration) -> Self {
        Self { known: Mutex::new(None), success_cache, probing: tokio::sync::Mutex::new(()) }
    }

    pub(super) fn record(&self, result: Result<(), String>) {
        *self.known() = Some((Instant::now(), result));
    }

    /// Drops the cached health.
    pub(super) fn forget(&self) {
        *self.known() = None;
    }

    /// The cached health, if it is recent enough.
    pub(super) fn recent(&self) -> Option<Result<(), String>> {
        let known = self.known();
        let (at, result) = known.as_ref()?;
        let limit = if result.is_ok() { self.success_cache } else { FAILURE_CACHE };
        (at.elapsed() < limit).then(|| result.clone())
    }

    fn known(&self) -> MutexGuard<'_, Option<(Instant, Result<(), String>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
