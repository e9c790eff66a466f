//! Assembles the service, and stops it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use service_kit::http::auth::AUDIENCE_EMAIL;
use service_kit::http::server::{self, RunningServer, ServerParts, ServerSettings};
use service_kit::lifecycle::{Readiness, WORK_LIMIT};
use service_kit::messaging::{Consumer, ConsumerSettings, Publisher};
use service_kit::process::Parts;
use service_kit::task;
use service_kit::telemetry::Metrics;
use tokio::task::JoinHandle;

use crate::config::Settings;
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

/// A started service.
pub struct Running {
    settings: Settings,
    parts: Parts,
    server: RunningServer,
    mail_service: Arc<MailService>,
    templates: Arc<Templates>,
    metrics: EmailMetrics,
    readiness: Readiness,
    retention: JoinHandle<()>,
}

/// Opens mailer and store, and listens. Must be called inside an actix system.
pub async fn start(settings: Settings, parts: Parts) -> Result<Running, StartError> {
    let mailer = settings.mail.open().await?;
    start_with(settings, parts, mailer).await
}

/// The same with another mailer than the one that `MAIL_URL` names.
pub async fn start_with(settings: Settings, parts: Parts, mailer: Arc<dyn Mailer>) -> Result<Running, StartError> {
    let store = settings.store.open().await?;
    let templates = Arc::new(Templates::new(&settings.subject_prefix)?);
    let metrics = EmailMetrics::new(&parts.metrics);
    let readiness = readiness(&mailer, &store);
    let sending = SendSettings { from: settings.from.clone(), message_id_domain: settings.message_id_domain.clone() };
    let clock = Arc::clone(&parts.clock);
    let mail_service =
        Arc::new(MailService::new(mailer, Arc::clone(&store), sending, Arc::clone(&clock), metrics.clone()));
    let handlers = http::Parts {
        mail_service: Arc::clone(&mail_service),
        store: Arc::clone(&store),
        templates: Arc::clone(&templates),
        clock: Arc::clone(&clock),
        test_limit: http::test_limit(Arc::clone(&clock)),
        verifier: web::Data::new(parts.verifier(AUDIENCE_EMAIL)),
    };
    let server = listen(&settings, &parts, readiness.clone(), handlers)?;
    let retention = enforce_retention(store, clock, settings.record_days, parts.shutdown.clone());
    let retention = task::spawn("retention", retention);
    Ok(Running { settings, parts, server, mail_service, templates, metrics, readiness, retention })
}

fn listen(
    settings: &Settings,
    parts: &Parts,
    readiness: Readiness,
    handlers: http::Parts,
) -> Result<RunningServer, StartError> {
    let mut server = ServerSettings::new(NAME, settings.bind);
    server.tls = settings.tls.clone();
    server.cors_origins = settings.cors_origins.clone();
    let parts = ServerParts {
        metrics: Arc::clone(&parts.metrics),
        readiness,
        shutdown: parts.shutdown.clone(),
        openapi: http::document(),
    };
    server::serve(server, parts, move |routes| http::configure(routes, &handlers))
        .map_err(|error| StartError::Bind(server::start_fault("EMAIL_BIND", settings.bind, &error)))
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

impl Running {
    /// For further dependencies in the report, besides mailer and store.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// `http://127.0.0.1:8001`
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The consumer to subscribe to a transport, with [`Self::consumer_settings`], which publishes its replies.
    pub fn consumer(&self, publisher: Arc<dyn Publisher>) -> Arc<dyn Consumer> {
        let settings = &self.settings;
        Arc::new(SendEmail {
            mail_service: Arc::clone(&self.mail_service),
            templates: Arc::clone(&self.templates),
            confirmations: Confirmations::new(publisher, settings.callback_queue.clone()),
            recipients: Recipients { receivers: settings.receivers.clone(), operator: settings.operator.clone() },
            links: settings.links.clone(),
            metrics: self.metrics.clone(),
            clock: Arc::clone(&self.parts.clock),
        })
    }

    /// The queue, its bindings, and the limits of its consumer.
    pub fn consumer_settings(&self) -> ConsumerSettings {
        let mut consumer = ConsumerSettings::new(&self.settings.queue, self.settings.bindings.clone());
        consumer.concurrency = CONCURRENCY;
        consumer.time_limit = TIME_LIMIT;
        consumer
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.parts.metrics)
    }

    /// Begins the shutdown: finishes pending requests, and stops.
    pub async fn stop(self) {
        self.parts.shutdown.begin();
        self.server.stop(true).await;
        self.finish().await;
    }

    /// Waits until the server has sent its last response, then closes the store. To be called after shutdown has begun.
    pub async fn finish(self) {
        self.server.wait().await;
        let deadline = self.parts.shutdown.deadline(WORK_LIMIT);
        match deadline.wait(WORK_LIMIT, self.retention).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the retention task did not end well"),
            None => tracing::warn!("pruning did not end in time"),
        }
        if deadline.wait(WORK_LIMIT, self.mail_service.store.close()).await.is_none() {
            tracing::warn!("the store was not closed in time: the files beside it stay");
        }
    }
}
