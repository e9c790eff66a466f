//! Ends a process whose database was sealed under another key: what it seals from then on could not be opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use service_kit::lifecycle::Shutdown;

use super::StartError;
use crate::identity::{IdentityError, IdentityService, VaultKeyError};

/// Clones share what was found.
#[derive(Clone)]
pub struct KeyWatch {
    identity: IdentityService,
    shutdown: Shutdown,
    is_lost: Arc<AtomicBool>,
}

impl KeyWatch {
    pub(super) fn new(identity: IdentityService, shutdown: Shutdown) -> Self {
        Self { identity, shutdown, is_lost: Arc::default() }
    }

    /// Begins the shutdown once the database is sealed under another key. The retention does this every minute.
    pub async fn check(&self) {
        match self.identity.key_is_current().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("SECRET_KEY: the database has been sealed under another key; this process ends");
                self.is_lost.store(true, Ordering::SeqCst);
                self.shutdown.begin();
            }
            Err(error) => tracing::warn!(%error, "the key of the database cannot be read; trying again later"),
        }
    }

    /// The error that the process ends with, if the key was the reason.
    pub(super) fn outcome(&self) -> Result<(), StartError> {
        if !self.is_lost.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(IdentityError::VaultKey(VaultKeyError::Another).into())
    }
}
