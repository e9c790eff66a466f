//! The state of the whole system for the health page, read once every few seconds at most, however many consoles are open. Each
//! source has a time limit of a few seconds; one that does not answer is shown as silent beside the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use service_kit::http::{PeerClient, bounded_body, causes};
use service_kit::lifecycle::Readiness;
use service_kit::messaging::dead_letters::Backlog;
use tokio::sync::Mutex;
use url::Url;

use super::history::{History, Sparkline};
use super::metrics_text::{Reported, reported};
use crate::http::AppState;
use crate::store::{StoreError, event_trace, outbox, unrouted};
use crate::trace::known_queues;

/// How long one reading is shown.
const KEPT: Duration = Duration::from_secs(4);
const QUEUES_LIMIT: Duration = Duration::from_secs(3);
const MAX_READINESS: usize = 64 * 1024;
const MAX_METRICS: usize = 2 * 1024 * 1024;
/// The bound of counting rows.
const MAX_COUNTED: i64 = 10_001;
const MAX_CAUSE_CHARS: usize = 200;

/// Clones share the last reading.
#[derive(Clone)]
pub(in crate::console) struct HealthReader(Arc<Inner>);

struct Inner {
    state: AppState,
    readiness: Readiness,
    history: History,
    last: Mutex<Option<(Instant, Arc<Health>)>>,
}

/// The variables of `health_parts.html`.
#[derive(Serialize)]
pub(super) struct Health {
    services: Vec<Service>,
    outbox: Option<Outbox>,
    queues: Vec<Queue>,
    queues_fault: Option<&'static str>,
    /// Published events that are nowhere to be found; none where this process does not check.
    unaccounted: Option<i64>,
    sparklines: Vec<Sparkline>,
}

/// A service and what it depends on.
#[derive(Serialize)]
struct Service {
    name: &'static str,
    /// In words, and its colour.
    state: String,
    kind: &'static str,
    version: Option<String>,
    /// How long its answer took; none for this process.
    answered_ms: Option<u64>,
    dependencies: Vec<Dependency>,
    /// Its queues that are paused because of an outage.
    paused: Vec<String>,
    /// Names of its processes, as far as they are known.
    replicas: Vec<String>,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Dependency {
    name: String,
    is_up: bool,
    cause: Option<String>,
}

#[derive(Serialize)]
struct Outbox {
    /// Counted up to 10,001, as are unrouted ones.
    waiting: usize,
    unrouted: usize,
    /// The age of the oldest one that waits, in seconds.
    oldest_s: Option<i64>,
}

#[derive(Serialize)]
struct Queue {
    name: String,
    has_messages: bool,
    has_delayed: bool,
    /// None: not known.
    consumers: Option<u32>,
    is_known: bool,
}

/// The body of another service's `/readyz`.
#[derive(Deserialize)]
struct ReadyBody {
    status: String,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

impl HealthReader {
    pub(in crate::console) fn new(state: AppState, readiness: Readiness, history: History) -> Self {
        Self(Arc::new(Inner { state, readiness, history, last: Mutex::new(None) }))
    }

    /// The last reading, or another one if that is too old. Callers at the same time share one.
    pub(super) async fn health(&self) -> Arc<Health> {
        let mut last = self.0.last.lock().await;
        match last.as_ref() {
            Some((read_at, health)) if read_at.elapsed() < KEPT => Arc::clone(health),
            _ => {
                let health = Arc::new(self.0.read().await);
                *last = Some((Instant::now(), Arc::clone(&health)));
                health
            }
        }
    }
}

impl Inner {
    async fn read(&self) -> Health {
        let tracer = self.state.tracer();
        let (log_client, log_url) = tracer.peers.log_service();
        let log = service("log-service", log_client, log_url);
        let email = async {
            match tracer.peers.email_service() {
                Some((client, url)) => service("email-service", client, url).await,
                None => silent("email-service", "not asked", "EMAIL_SERVICE_URL is not set"),
            }
        };
        let (bank, mut log, email, outbox, queues) =
            tokio::join!(self.bank(), log, email, self.outbox(), self.queues());
        log.replicas = tracer.log_replicas();
        let queues_fault = queues.is_none().then_some("The queues cannot be asked at the moment.");
        Health {
            services: vec![bank, log, email],
            outbox,
            queues: queues.unwrap_or_default(),
            queues_fault,
            unaccounted: self.state.metrics.total("bank_events_unaccounted"),
            sparklines: self.history.sparklines(),
        }
    }

    /// This process.
    async fn bank(&self) -> Service {
        let report = self.readiness.check().await;
        let dependencies = report.dependencies.iter().map(|state| Dependency {
            name: state.name.clone(),
            is_up: state.error.is_none(),
            cause: state.error.as_deref().map(shortened),
        });
        let (state, kind) = match (report.draining, report.is_ready()) {
            (true, _) => ("draining", "warn"),
            (false, true) => ("ready", "ok"),
            (false, false) => ("not ready", "bad"),
        };
        let Reported { version, paused } = reported(&self.state.metrics.render());
        Service {
            name: "bank-service",
            state: state.to_owned(),
            kind,
            version,
            answered_ms: None,
            dependencies: dependencies.collect(),
            paused,
            replicas: Vec::new(),
            fault: None,
        }
    }

    /// None: the database cannot be read.
    async fn outbox(&self) -> Option<Outbox> {
        let read = |db: &mut _| {
            let (waiting, unrouted) = (outbox::waiting(db, MAX_COUNTED)?, unrouted::types(db, MAX_COUNTED)?.len());
            Ok::<_, StoreError>((waiting, unrouted, event_trace::oldest_waiting(db)?))
        };
        let (waiting, unrouted, oldest) = self.state.store.read(read).await.ok()?;
        let now = self.state.clock.now().naive_utc();
        let oldest_s = oldest.map(|committed| (now - committed).num_seconds().max(0));
        Some(Outbox { waiting, unrouted, oldest_s })
    }

    /// None: the transport does not answer in time.
    async fn queues(&self) -> Option<Vec<Queue>> {
        let Some(admin) = &self.state.dead_letters else { return Some(Vec::new()) };
        let names = known_queues(&self.state.settings.config);
        let asked = names.into_iter().map(|name| async move {
            let backlog = admin.backlog(&name).await.ok();
            let is_known = backlog.is_some();
            let Backlog { ready, delayed, consumers } = backlog.unwrap_or_default();
            let consumers = Some(consumers).filter(|consumers| *consumers > 0);
            Queue { name, has_messages: ready, has_delayed: delayed, consumers, is_known }
        });
        tokio::time::timeout(QUEUES_LIMIT, join_all(asked)).await.ok()
    }
}

/// Another service, by its own report and its metrics.
async fn service(name: &'static str, client: &PeerClient, base: &Url) -> Service {
    let begun = Instant::now();
    let (ready, metrics) =
        tokio::join!(text(client, base, "/readyz", MAX_READINESS), text(client, base, "/metrics", MAX_METRICS));
    let answered_ms = u64::try_from(begun.elapsed().as_millis()).ok();
    let body = match ready.and_then(|text| serde_json::from_str::<ReadyBody>(&text).map_err(|error| error.to_string()))
    {
        Ok(body) => body,
        Err(cause) => return silent(name, "silent", &cause),
    };
    let kind = match body.status.as_str() {
        "ready" => "ok",
        "draining" => "warn",
        _ => "bad",
    };
    let dependencies = body.dependencies.into_iter().map(|(name, state)| Dependency {
        name,
        is_up: state == "up",
        // Why is in the log of that service only: `/readyz` is public.
        cause: None,
    });
    let Reported { version, paused } = metrics.map(|text| reported(&text)).unwrap_or_default();
    Service {
        name,
        state: shortened(&body.status),
        kind,
        version,
        answered_ms,
        dependencies: dependencies.collect(),
        paused,
        replicas: Vec::new(),
        fault: None,
    }
}

/// A body, whatever the status: a service that is not ready says why with a 503.
async fn text(client: &PeerClient, base: &Url, path: &str, limit: usize) -> Result<String, String> {
    let url = base.join(path).map_err(|error| error.to_string())?;
    let answer = client.send(client.get(url)).await.map_err(|error| causes(&error.without_url()))?;
    let body = bounded_body(answer, limit).await?;
    String::from_utf8(body).map_err(|error| error.to_string())
}

fn silent(name: &'static str, state: &str, cause: &str) -> Service {
    Service {
        name,
        state: state.to_owned(),
        kind: "bad",
        version: None,
        answered_ms: None,
        dependencies: Vec::new(),
        paused: Vec::new(),
        replicas: Vec::new(),
        fault: Some(shortened(cause)),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}
