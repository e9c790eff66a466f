//! What every handler shares.

use std::sync::Arc;

use service_kit::clock::SharedClock;
use service_kit::config::Secret;
use service_kit::http::server::request_id;
use service_kit::telemetry::Metrics;
use shared_events::UserId;

use crate::config::Settings;
use crate::operations::identity::{AdminError, AdminOutcome, ensure_admin};
use crate::security::Security;
use crate::store::{Ctx, Store};

#[derive(Clone)]
pub struct AppState {
    pub store: Store,
    pub clock: SharedClock,
    pub security: Security,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
}

impl AppState {
    /// Makes an administrator, as the command line asks for; doing it twice is doing it once.
    pub async fn ensure_admin(&self, email: &str, password: &Secret) -> Result<AdminOutcome, AdminError> {
        ensure_admin(&self.store, &self.security, &self.ctx_anonymous(), email, password).await
    }

    /// The surroundings of an operation that a user asked for.
    pub fn ctx(&self, user_id: UserId) -> Ctx {
        self.ctx_anonymous().by(user_id)
    }

    /// The surroundings of an operation that nobody in particular asked for: a registration, a login.
    pub fn ctx_anonymous(&self) -> Ctx {
        self.store.ctx(self.clock.now()).in_request(request_id())
    }
}
