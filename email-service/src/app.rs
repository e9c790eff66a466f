//! Assembles the service, and stops it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use service_kit::clock::{SharedClock, SystemClock};
use service_kit::http::auth::{AUDIENCE_EMAIL, HttpKeys, HttpSessions, KeySource, SessionSource, Verifier};
use service_kit::http::server::{RunningServer, ServerParts, ServerSettings, serve, start_fault};
use service_kit::lifecycle::{Readiness, Shutdown, WORK_LIMIT};
use service_kit::messaging::{Consumer, ConsumerSettings, Publisher};
use service_kit::task;
use service_kit::telemetry::Metrics;
use shared_events::Pattern;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::confirmations::Confirmations;
use crate::consumers::{Recipients, SendEmail};
use crate::http;
use crate::mailer::{Mailer, OpenError};
use crate::metrics::EmailMetrics;
use crate::operations::{MailService, SendSettings, enforce_retention};
use crate::store::{DeliveryStore, StoreError};
use crate::templates::{RenderError, Templates};

const NAME: &str = "email-service";
/// The events that are handled at the same time. More are hardly faster, since each waits for the same journal, and a crash would
/// catch more mails between the server's acceptance and the record of it.
const CONCURRENCY: usize = 8;
/// For all mails of one event: longer than the sender's own limit, so that sending always ends by itself.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Why the service cannot start. Each names the setting to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The text names the variable.
    #[error(transparent)]
    Mailer(#[from] OpenError),
    #[error("EMAIL_DATABASE_URL: the store cannot be used")]
    Store(#[from] StoreError),
    #[error("an embedded template is broken")]
    Templates(#[from] RenderError),
    /// The text names the variable.
    #[error("{0}")]
    Bind(String),
}

/// Starts the service; parts that are not given come from the configuration.
pub struct EmailService {
    config: Config,
    publisher: Arc<dyn Publisher>,
    clock: SharedClock,
    shutdown: Shutdown,
    authority: Option<(Arc<dyn KeySource>, Arc<dyn SessionSource>)>,
    metrics: Arc<Metrics>,
    mailer: Option<Arc<dyn Mailer>>,
}

impl EmailService {
    /// Opens store and mailer, and serves the HTTP API. Has to be called inside an actix system.
    pub async fn start(config: Config, publisher: Arc<dyn Publisher>) -> Result<Running, StartError> {
        Self::new(config, publisher).run().await
    }

    /// The same, with parts to be replaced before [`EmailService::run`].
    pub fn new(config: Config, publisher: Arc<dyn Publisher>) -> Self {
        let clock = Arc::new(SystemClock);
        Self {
            config,
            publisher,
            clock,
            shutdown: Shutdown::new(),
            authority: None,
            metrics: Metrics::new(),
            mailer: None,
        }
    }

    #[must_use]
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Metrics of the whole process.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The shutdown of the whole process.
    #[must_use]
    pub fn with_shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Keys and sessions instead of those of the server at `JWKS_URL`.
    #[must_use]
    pub fn with_authority(mut self, keys: Arc<dyn KeySource>, sessions: Arc<dyn SessionSource>) -> Self {
        self.authority = Some((keys, sessions));
        self
    }

    /// A mailer instead of the one that `MAIL_URL` names.
    #[must_use]
    pub fn with_mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    pub async fn run(self) -> Result<Running, StartError> {
        let Self { config, publisher, clock, shutdown, authority, metrics, mailer } = self;
        let (mailer, store) = open(&config, mailer).await?;
        let templates = Arc::new(Templates::new(&config.subject_prefix)?);
        let email_metrics = EmailMetrics::new(&metrics);
        let settings = SendSettings { from: config.from.clone(), message_id_domain: config.message_id_domain.clone() };
        let mail_service = Arc::new(MailService::new(
            Arc::clone(&mailer),
            Arc::clone(&store),
            settings,
            Arc::clone(&clock),
            email_metrics.clone(),
        ));
        let consumer = Arc::new(SendEmail {
            mail_service: Arc::clone(&mail_service),
            templates: Arc::clone(&templates),
            confirmations: Confirmations::new(publisher, config.callback_queue.clone()),
            recipients: Recipients { receivers: config.receivers.clone(), operator: config.operator.clone() },
            links: config.links.clone(),
            metrics: email_metrics,
            clock: Arc::clone(&clock),
        });
        let (keys, sessions) = authority.unwrap_or_else(|| {
            let keys = HttpKeys::new(config.jwks_url.clone(), &config.peers, Arc::clone(&clock));
            (Arc::new(keys), Arc::new(HttpSessions::new(&config.jwks_url, &config.peers, Arc::clone(&clock))))
        });
        let verifier = Verifier::new(keys, AUDIENCE_EMAIL, Arc::clone(&clock)).with_sessions(sessions);
        let parts = http::Parts {
            mail_service,
            store: Arc::clone(&store),
            templates,
            clock: Arc::clone(&clock),
            test_limit: http::test_limit(Arc::clone(&clock)),
            verifier: web::Data::new(verifier),
        };
        let readiness = readiness(&mailer, &store);
        let server_parts = ServerParts {
            metrics: Arc::clone(&metrics),
            readiness: readiness.clone(),
            shutdown: shutdown.clone(),
            openapi: http::document(),
        };
        let server = serve_http(&config, server_parts, parts)?;
        let retention = enforce_retention(Arc::clone(&store), clock, config.record_days, shutdown.clone());
        Ok(Running {
            server,
            store,
            readiness,
            consumer,
            bindings: config.bindings,
            queue: config.queue,
            shutdown,
            metrics,
            retention: task::spawn("retention", retention),
        })
    }
}

async fn open(
    config: &Config,
    mailer: Option<Arc<dyn Mailer>>,
) -> Result<(Arc<dyn Mailer>, Arc<dyn DeliveryStore>), StartError> {
    let mailer = match mailer {
        Some(mailer) => mailer,
        None => config.mail.open().await?,
    };
    Ok((mailer, config.store.open().await?))
}

fn serve_http(config: &Config, server_parts: ServerParts, parts: http::Parts) -> Result<RunningServer, StartError> {
    let mut settings = ServerSettings::new(NAME, config.bind);
    settings.tls = config.tls.clone();
    settings.cors_origins = config.cors_origins.clone();
    serve(settings, server_parts, move |routes| http::configure(routes, &parts))
        .map_err(|error| StartError::Bind(start_fault("EMAIL_BIND", config.bind, &error)))
}

fn readiness(mailer: &Arc<dyn Mailer>, store: &Arc<dyn DeliveryStore>) -> Readiness {
    let readiness = Readiness::new();
    let (mailer, store) = (Arc::clone(mailer), Arc::clone(store));
    readiness.add("mailer", move || {
        let mailer = Arc::clone(&mailer);
        Box::pin(async move { mailer.probe().await })
    });
    readiness.add("store", move || {
        let store = Arc::clone(&store);
        Box::pin(async move { store.probe().await })
    });
    readiness
}

pub struct Running {
    server: RunningServer,
    store: Arc<dyn DeliveryStore>,
    readiness: Readiness,
    consumer: Arc<SendEmail>,
    bindings: Vec<Pattern>,
    queue: String,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    retention: JoinHandle<()>,
}

impl Running {
    /// For further dependencies in the report, besides mailer and store.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The address of the HTTP API.
    pub fn address(&self) -> SocketAddr {
        self.server.addr
    }

    /// `http://127.0.0.1:8001`
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The consumer to subscribe, with [`Running::consumer_settings`].
    pub fn consumer(&self) -> Arc<dyn Consumer> {
        self.consumer.clone()
    }

    /// The queue, its bindings, and the limits of its consumer.
    pub fn consumer_settings(&self) -> ConsumerSettings {
        let mut settings = ConsumerSettings::new(&self.queue, self.bindings.clone());
        settings.concurrency = CONCURRENCY;
        settings.time_limit = TIME_LIMIT;
        settings
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Waits until the HTTP server has ended by itself, which it does after shutdown.
    pub async fn wait(&mut self) {
        self.server.wait().await;
    }

    /// Begins shutdown, drains requests, closes the store, ends.
    pub async fn stop(self) {
        self.shutdown.begin();
        let deadline = self.shutdown.deadline(WORK_LIMIT);
        self.server.stop(true).await;
        match deadline.wait(WORK_LIMIT, self.retention).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the retention task did not end well"),
            None => tracing::warn!("pruning did not end in time"),
        }
        if deadline.wait(WORK_LIMIT, self.store.close()).await.is_none() {
            tracing::warn!("the store was not closed in time: the files beside it stay");
        }
    }
}
