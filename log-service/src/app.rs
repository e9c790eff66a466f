//! Assembles the service: store, consumer, HTTP server, retention.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use service_kit::http::auth::{AUDIENCE_LOG, Verifier};
use service_kit::http::server::{self, RunningServer, ServerParts, ServerSettings};
use service_kit::lifecycle::{Readiness, Shutdown, WORK_LIMIT};
use service_kit::messaging::{Consumer, ConsumerSettings, InFlightReport};
use service_kit::process::Parts;
use service_kit::task;
use service_kit::telemetry::Metrics;

use crate::config::Settings;
use crate::consumers::RecordEvent;
use crate::http::{self, Api, SharedInFlight};
use crate::metrics::LogMetrics;
use crate::retention;
use crate::store::{self, LogStore, OpenError};

const SERVICE: &str = "log-service";
/// The events of one write at most; the queue waits this long for a batch to fill.
const BATCH: usize = 256;
const LINGER: Duration = Duration::from_millis(2);

/// Why the service cannot start; each error names the variable to check.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{variable}: {error}")]
    Store { variable: &'static str, error: OpenError },
    /// The text names the variable.
    #[error("{0}")]
    Bind(String),
}

/// A started service.
pub struct Running {
    consumer: Arc<RecordEvent>,
    settings: Settings,
    store: Arc<dyn LogStore>,
    server: RunningServer,
    readiness: Readiness,
    in_flight: SharedInFlight,
    shutdown: Shutdown,
}

/// Opens the store and listens. Must be called inside an actix system.
pub async fn start(settings: Settings, parts: Parts) -> Result<Running, StartError> {
    let verifier = parts.verifier(AUDIENCE_LOG);
    let Parts { clock, metrics, shutdown, .. } = parts;
    let store = store::connect(&settings.store, settings.retention)
        .await
        .map_err(|error| StartError::Store { variable: settings.store.variable(), error })?;
    let counts = Arc::new(LogMetrics::new(&metrics));
    let consumer = RecordEvent::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&counts), &settings.bindings);
    let in_flight = SharedInFlight::default();
    let api = Api::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        shutdown.clone(),
        counts,
        settings.stream,
        settings.bindings.clone(),
        in_flight.clone(),
    );
    let readiness = Readiness::new();
    let server = listen(&settings, metrics, &shutdown, &store, api, verifier, readiness.clone())?;
    if let Some(keep) = settings.retention {
        drop(task::spawn("retention", retention::run(Arc::clone(&store), clock, keep, shutdown.clone())));
    }
    Ok(Running { consumer: Arc::new(consumer), settings, store, server, readiness, in_flight, shutdown })
}

fn listen(
    settings: &Settings,
    metrics: Arc<Metrics>,
    shutdown: &Shutdown,
    store: &Arc<dyn LogStore>,
    api: Api,
    verifier: Verifier,
    readiness: Readiness,
) -> Result<RunningServer, StartError> {
    let probed = Arc::clone(store);
    readiness.add("log_store", move || {
        let store = Arc::clone(&probed);
        Box::pin(async move { store.probe().await.map_err(|error| error.to_string()) })
    });
    let (api, verifier) = (web::Data::new(api), web::Data::new(verifier));
    let mut server = ServerSettings::new(SERVICE, settings.bind);
    server.tls = settings.tls.clone();
    server.cors_origins = settings.cors_origins.clone();
    let parts = ServerParts { metrics, readiness, shutdown: shutdown.clone(), openapi: http::document() };
    let routes = move |config: &mut web::ServiceConfig| http::routes(config, api.clone(), verifier.clone());
    server::serve(server, parts, routes)
        .map_err(|error| StartError::Bind(server::start_fault("LOG_BIND", settings.bind, &error)))
}

impl Running {
    /// For further dependencies in the report, besides the store.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The consumer to subscribe to a transport, with [`Self::consumer_settings`].
    pub fn consumer(&self) -> Arc<dyn Consumer> {
        let consumer: Arc<dyn Consumer> = Arc::<RecordEvent>::clone(&self.consumer);
        consumer
    }

    /// The queue, its bindings, and the batch size that suits the store.
    pub fn consumer_settings(&self) -> ConsumerSettings {
        let mut consumer = ConsumerSettings::new(&self.settings.queue, self.settings.bindings.clone());
        consumer.batch_size = BATCH;
        consumer.linger = LINGER;
        consumer
    }

    /// Sets the report of the messages in flight, as the consumers of the queue know them.
    pub fn report_in_flight(&self, report: impl Fn(&str) -> Option<InFlightReport> + Send + Sync + 'static) {
        let queue = self.settings.queue.clone();
        self.in_flight.get_or_init(|| Box::new(move || report(&queue)));
    }

    pub fn store(&self) -> Arc<dyn LogStore> {
        Arc::clone(&self.store)
    }

    /// Begins the shutdown: ends live streams, finishes pending requests, and stops.
    pub async fn stop(self) {
        self.shutdown.begin();
        self.server.stop(true).await;
        self.finish().await;
    }

    /// Waits until the server has sent its last response, then closes the store. To be called after shutdown has begun.
    pub async fn finish(self) {
        self.server.wait().await;
        let deadline = self.shutdown.deadline(WORK_LIMIT);
        if deadline.wait(WORK_LIMIT, self.store.close()).await.is_none() {
            tracing::warn!("the log store was not closed in time: the files beside it stay");
        }
    }
}
