//! The state that all handlers share.

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use service_kit::clock::SharedClock;
use service_kit::config::Secret;
use service_kit::http::envelope::created_body;
use service_kit::http::server::request_id;
use service_kit::messaging::DeadLetterAdmin;
use service_kit::telemetry::Metrics;
use shared_events::UserId;

use crate::changes::Changes;
use crate::config::Settings;
use crate::domain::iban::IbanScheme;
use crate::http::rate_limits::RequestLimits;
use crate::http::verification::VerificationRuns;
use crate::identity::IdentityService;
use crate::identity::users::admin::{AdminError, AdminOutcome, Wanted, ensure_admin, has_admin, promote_by_id};
use crate::operations::ledger::LedgerWriter;
use crate::store::{Created, Ctx, Db, IdempotencyError, IdempotencyKey, OperationError, Outcome, Store, StoreError};
use crate::trace::{PeerClients, PeerClientsParts, Tracer};

#[derive(Clone)]
pub struct AppState {
    pub store: Store,
    pub clock: SharedClock,
    pub identity: IdentityService,
    /// How accounts' IBANs are made.
    pub ibans: Arc<IbanScheme>,
    /// Moves money.
    pub ledger: LedgerWriter,
    pub limits: Arc<RequestLimits>,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    /// The admin interface to dead letters; none without a transport.
    pub dead_letters: Option<Arc<dyn DeadLetterAdmin>>,
    /// Built from the other fields on first use.
    pub tracer: Arc<OnceLock<Tracer>>,
    /// Live changes for the streams of this process.
    pub changes: Changes,
    /// The checks of the ledger that administrators start.
    pub verification: VerificationRuns,
}

impl AppState {
    /// Creates or promotes an administrator for the command line; repeating it changes nothing.
    pub async fn ensure_admin(&self, email: &str, password: &Secret) -> Result<AdminOutcome, AdminError> {
        let (ctx, given) = (self.ctx_anonymous(), (email, password));
        ensure_admin(&self.store, &self.identity, &ctx, given, Wanted::Always).await
    }

    /// Creates an administrator if none can log in.
    pub async fn ensure_first_admin(&self, email: &str, password: &Secret) -> Result<AdminOutcome, AdminError> {
        let (ctx, given) = (self.ctx_anonymous(), (email, password));
        ensure_admin(&self.store, &self.identity, &ctx, given, Wanted::IfThereIsNone).await
    }

    /// Makes the user of this id an administrator.
    pub async fn promote(&self, id: UserId) -> Result<AdminOutcome, AdminError> {
        promote_by_id(&self.store, &self.identity, &self.ctx_anonymous(), id).await
    }

    /// Whether any administrator can log in.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        has_admin(&self.store).await
    }

    /// The tracer that follows events.
    pub fn tracer(&self) -> &Tracer {
        self.tracer.get_or_init(|| Tracer {
            store: self.store.clone(),
            clock: self.clock.clone(),
            peers: PeerClients::new(PeerClientsParts {
                log_service_url: self.settings.log_service_url.clone(),
                email_service_url: self.settings.email_service_url.clone(),
                trust: self.settings.peers.clone(),
                identity: self.identity.clone(),
            }),
            dead_letters: self.dead_letters.clone(),
            callback_queue: self.settings.config.callback_queue.clone(),
            in_process: self.settings.broker.is_none(),
        })
    }

    /// Runs an operation that a user requested.
    pub(super) async fn write<T, E>(
        &self,
        user_id: UserId,
        f: impl Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        self.store.write(&self.ctx(user_id), f).await
    }

    /// Runs a create operation, once for each key; the response has the item in its envelope.
    pub(super) async fn create<T, E>(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        f: impl Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E> + Send + Sync + 'static,
    ) -> Result<Created, E>
    where
        T: Serialize + Send + 'static,
        E: OperationError + From<IdempotencyError>,
    {
        self.store.create(ctx, key, created_body, f).await
    }

    /// The context of an operation that a user requested.
    pub fn ctx(&self, user_id: UserId) -> Ctx {
        self.ctx_anonymous().by(user_id)
    }

    /// The context of an anonymous operation: a registration, a login.
    pub fn ctx_anonymous(&self) -> Ctx {
        let mut ctx = self.store.ctx(self.clock.now()).in_request(request_id());
        ctx.owners_set_balances = self.owners_set_balances();
        ctx.ibans = Some(self.ibans.clone());
        ctx
    }

    /// Whether browsers reach it over TLS, so that cookies have the prefix `__Host-`.
    pub(crate) fn is_over_tls(&self) -> bool {
        self.settings.public_url.scheme() == "https"
    }

    /// Whether owners give first balances, set balances, and close what has money in it.
    pub(super) fn owners_set_balances(&self) -> bool {
        self.settings.config.money.owners_set_balances(self.settings.config.app_env)
    }
}
