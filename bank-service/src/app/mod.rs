//! bank-service as a whole: start order and shutdown.
//!
//! The relay is started separately ([`Running::start_relay`]), once every subscriber is in place: a message without a
//! subscriber is lost for good.

mod expiry;
mod key_watch;
mod retention;

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web;
use service_kit::clock::SharedClock;
use service_kit::http::server::{self, RunningServer, ServerParts, ServerSettings};
use service_kit::lifecycle::{Readiness, Shutdown, WORK_LIMIT};
use service_kit::messaging::{Consumer, ConsumerSettings, Publisher};
use service_kit::task;
use service_kit::telemetry::Metrics;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use self::key_watch::KeyWatch;
use crate::changes::Changes;
use crate::config::{LedgerWriterMode, Settings};
use crate::console;
use crate::consumers::{LogPoster, LogPosterParts, RecordMailReceipt, SendPush, SendSms, TokenSource};
use crate::http::{self, AppState, RequestLimits, VerificationRuns};
use crate::identity::{IdentityError, IdentityService, VaultKeyError, secret_key_fits};
use crate::operations::ledger::LedgerWriter;
use crate::outbox::{Relay, RelayParts};
use crate::push;
use crate::store::{DatabaseUrl, Store, StoreError, existing, migrations};
use crate::trace::Conservation;

/// Why the service cannot start, or go on; each error names the variable to check.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("DATABASE_URL: {url}")]
    Database { url: String, source: StoreError },
    /// The text names the variable.
    #[error("{0}")]
    Bind(String),
    #[error(transparent)]
    Security(#[from] IdentityError),
}

impl StartError {
    /// Whether `SECRET_KEY` is not one that the database may be opened with.
    pub fn is_wrong_key(&self) -> bool {
        let wrong = |error: &VaultKeyError| matches!(error, VaultKeyError::DevelopmentOnly | VaultKeyError::Another);
        matches!(self, Self::Security(IdentityError::VaultKey(error)) if wrong(error))
    }

    fn database(settings: &Settings, source: StoreError) -> Self {
        Self::Database { url: settings.database_url.redacted(), source }
    }
}

/// A started service.
pub struct Running {
    pub state: AppState,
    pub server: RunningServer,
    /// The checks of `/readyz`; the code that adds a transport adds its check.
    pub readiness: Readiness,
    shutdown: Shutdown,
    recorded: Arc<Notify>,
    key_watch: KeyWatch,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the store (migrating it if so configured) and builds what the handlers share. The code that adds a transport adds its
/// dead letters.
pub async fn prepare(settings: Settings, clock: SharedClock, metrics: Arc<Metrics>) -> Result<AppState, StartError> {
    let opened = settings.clone();
    let opened = tokio::task::spawn_blocking(move || open_fitting(&opened)).await;
    let lost = |error: tokio::task::JoinError| StoreError::Unavailable { reason: error.to_string() };
    let store = opened
        .unwrap_or_else(|error| Err(StartError::database(&settings, lost(error))))?
        .confirmed_on(&settings.config.callback_queue);
    store.measure_with(&metrics);
    let identity = IdentityService::start(&settings, store.clone(), clock.clone(), &metrics).await?;
    let (tracer, changes) = (Arc::default(), Changes::new(store.clone()));
    let limits = Arc::new(RequestLimits::new(&settings.rate_limits, &clock));
    let is_direct = settings.config.money.ledger_writer == LedgerWriterMode::Direct;
    let ledger = LedgerWriter::new(store.clone(), is_direct, &metrics);
    let ibans = Arc::new(settings.ibans.clone());
    let (settings, verification) = (Arc::new(settings), VerificationRuns::new(&metrics));
    Ok(AppState {
        ibans,
        store,
        clock,
        identity,
        ledger,
        limits,
        settings,
        metrics,
        dead_letters: None,
        tracer,
        changes,
        verification,
    })
}

/// Refuses a database that is sealed under another key before it is migrated.
fn open_fitting(settings: &Settings) -> Result<Store, StartError> {
    match secret_key_fits(settings) {
        Err(VaultKeyError::Store(source)) => return Err(StartError::database(settings, source)),
        Err(error) => return Err(IdentityError::VaultKey(error).into()),
        Ok(()) => {}
    }
    let owner = settings.config.migrate_on_start.then_some(&settings.migration_database_url);
    open_store(&settings.database_url, owner).map_err(|source| StartError::database(settings, source))
}

/// Opens the database, migrating it first as its owner, or without one as it is if its schema is that of this release. Only a
/// migration makes one. Blocks.
pub(crate) fn open_store(url: &DatabaseUrl, owner: Option<&DatabaseUrl>) -> Result<Store, StoreError> {
    if let Some(owner) = owner {
        for version in migrations::upgrade(owner)? {
            tracing::info!(version, "migration applied");
        }
    } else if existing::is_new(url)? {
        return Err(StoreError::Missing);
    } else {
        migrations::refuse_outdated(url)?;
    }
    Store::connect(url)
}

/// Starts serving; needs an actix system.
pub fn serve(state: AppState, shutdown: Shutdown) -> Result<Running, StartError> {
    for warning in state.settings.warnings() {
        tracing::warn!("{warning}");
    }
    let readiness = Readiness::new();
    let pages = console::Shared::new(&state, readiness.clone());
    let server = listen(&state, &shutdown, readiness.clone(), pages.clone())?;
    let recorded = Arc::new(Notify::new());
    let key_watch = KeyWatch::new(state.identity.clone(), shutdown.clone());
    let mut running = Running { state, server, readiness, shutdown, recorded, key_watch, tasks: Vec::new() };
    running.start_log_poster();
    running.start_retention();
    running.tasks.push(task::spawn("console-history", pages.record(running.shutdown.clone())));
    Ok(running)
}

fn listen(
    state: &AppState,
    shutdown: &Shutdown,
    readiness: Readiness,
    pages: console::Shared,
) -> Result<RunningServer, StartError> {
    let config = &state.settings.config;
    let mut server = ServerSettings::new("bank-service", config.bind);
    server.tls = state.settings.tls.clone();
    server.versioned = true;
    server.home = Some("/console");
    server.https_in_front = state.settings.public_url.scheme() == "https";
    server.cors_origins.clone_from(&state.settings.cors_origins);
    server.trusted_proxies.clone_from(&state.settings.trusted_proxies);
    if let Some(workers) = config.workers {
        server.workers = workers;
    }
    let store = state.store.clone();
    readiness.add("database", move || {
        let store = store.clone();
        Box::pin(async move { store.ping().await.map_err(|error| error.to_string()) })
    });
    let parts = ServerParts {
        metrics: state.metrics.clone(),
        readiness,
        shutdown: shutdown.clone(),
        openapi: http::openapi::document(),
    };
    let state = state.clone();
    let bind = config.bind;
    let shutdown = shutdown.clone();
    let configure = move |cfg: &mut web::ServiceConfig| {
        cfg.app_data(web::Data::new(shutdown.clone())).app_data(web::Data::new(pages.clone()));
        // Must precede the scope of the API without a prefix, which takes every path.
        console::configure(cfg);
        http::configure(cfg, &state);
    };
    server::serve(server, parts, configure)
        .map_err(|error| StartError::Bind(server::start_fault("BANK_BIND", bind, &error)))
}

impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// The consumer of the callback queue, with its settings.
    pub fn mail_receipts(&self) -> (ConsumerSettings, Arc<dyn Consumer>) {
        let settings = RecordMailReceipt::settings(&self.state.settings.config.callback_queue);
        let consumer =
            RecordMailReceipt::new(self.state.store.clone(), self.state.clock.clone(), self.recorded.clone());
        (settings, Arc::new(consumer))
    }

    /// The consumers of this service's own requests, each on its own queue, with their settings. An error is that of
    /// `SMS_FOLDER`.
    pub fn outgoing(&self) -> std::io::Result<Vec<(ConsumerSettings, Arc<dyn Consumer>)>> {
        let vault = self.state.identity.shared_vault();
        let sender = crate::sms::sender(&self.state.settings.sms)?;
        let texts = SendSms { sender, vault, clock: self.state.clock.clone() };
        Ok(vec![(SendSms::settings(), Arc::new(texts)), self.push_notifications()])
    }

    /// The consumer of requested push notifications, with its settings.
    pub fn push_notifications(&self) -> (ConsumerSettings, Arc<dyn Consumer>) {
        let consumer = SendPush {
            store: self.state.store.clone(),
            clock: self.state.clock.clone(),
            identity: self.state.identity.clone(),
            sender: push::sender(&self.state.settings.push, self.state.clock.clone()),
        };
        (SendPush::settings(), Arc::new(consumer))
    }

    /// A relay for this service's outbox; tests drive it by hand.
    pub fn relay(&self, publisher: Arc<dyn Publisher>) -> Relay {
        Relay::new(RelayParts {
            store: self.state.store.clone(),
            publisher,
            clock: self.state.clock.clone(),
            metrics: self.state.metrics.clone(),
            shutdown: self.shutdown.clone(),
        })
    }

    /// The conservation check over published events; tests drive it by hand.
    pub fn conservation(&self) -> Conservation {
        Conservation::new(self.state.tracer().clone(), &self.state.metrics)
    }

    /// Starts to publish, and to check where the events end. Every subscriber has to be in place.
    pub fn start_relay(&mut self, publisher: Arc<dyn Publisher>) {
        let relay = self.relay(publisher);
        self.tasks.push(task::spawn("outbox-relay", relay.run()));
        let watch = self.conservation();
        self.tasks.push(task::spawn("conservation", watch.run(self.shutdown.clone())));
    }

    fn start_log_poster(&mut self) {
        let identity = self.state.identity.clone();
        let token: TokenSource = Arc::new(move || {
            identity.service_token(service_kit::http::auth::AUDIENCE_LOG).map_err(|error| error.to_string())
        });
        let poster = LogPoster::new(LogPosterParts {
            store: self.state.store.clone(),
            clock: self.state.clock.clone(),
            log_service_url: self.state.settings.log_service_url.clone(),
            trust: self.state.settings.peers.clone(),
            token,
            recorded: self.recorded.clone(),
            metrics: self.state.metrics.clone(),
            shutdown: self.shutdown.clone(),
        });
        self.tasks.push(task::spawn("log-poster", poster.run()));
    }

    fn start_retention(&mut self) {
        self.tasks.push(task::spawn("hold-expiry", expiry::run(self.state.clone(), self.shutdown.clone())));
        let retention = retention::run(self.state.clone(), self.key_watch.clone(), self.shutdown.clone());
        self.tasks.push(task::spawn("retention", retention));
    }

    /// The check of the database's key; tests drive it by hand.
    pub fn key_watch(&self) -> &KeyWatch {
        &self.key_watch
    }

    /// Waits until the server has sent its last response and the relay has marked the rows in flight, then closes the store, all
    /// within one deadline. To be called after shutdown has begun. An error is the reason why the service itself began it.
    pub async fn finish(self) -> Result<(), StartError> {
        let deadline = self.shutdown.deadline(WORK_LIMIT);
        self.server.wait().await;
        for task in self.tasks {
            match deadline.wait(WORK_LIMIT, task).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::error!(%error, "a task did not end well"),
                None => tracing::warn!("a task did not end in time"),
            }
        }
        if deadline.wait(WORK_LIMIT, self.state.store.close()).await.is_none() {
            tracing::warn!(
                "the database was not closed in time: reserved ids are skipped, and the files beside it stay"
            );
        }
        self.key_watch.outcome()
    }
}
