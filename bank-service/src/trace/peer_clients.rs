//! Queries the other services for events over HTTP with a service token. Each query has a time limit.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use service_kit::http::auth::{AUDIENCE_EMAIL, AUDIENCE_LOG};
use service_kit::http::{PeerClient, PeerTrust};
use service_kit::messaging::InFlightReport;
use shared_events::routing::LOG_QUEUE;
use shared_events::{EventId, Pattern, catalog};
use url::Url;

use crate::identity::IdentityService;

/// How long a peer may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How many events one lookup asks for; log-service takes no more.
pub(super) const LOOKUP: usize = 500;

/// The most processes of log-service whose reports are kept.
const MAX_REPLICAS: usize = 64;
/// The most patterns that are taken from a report.
const MAX_PATTERNS: usize = 1000;

/// Makes a service token for an audience.
type Tokens = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

pub struct PeerClientsParts {
    pub log_service_url: Url,
    /// None: requests to email-service are off.
    pub email_service_url: Option<Url>,
    pub trust: PeerTrust,
    pub identity: IdentityService,
}

/// log-service and email-service.
#[derive(Clone)]
pub struct PeerClients {
    log_client: PeerClient,
    log_service: Url,
    email_client: PeerClient,
    email_service: Option<Url>,
    tokens: Tokens,
    /// The event types that log-service consumes from the broker, by its last report.
    log_takes: Arc<RwLock<Vec<Pattern>>>,
    /// The messages in flight in its processes, by their last reports.
    log_in_flight: Arc<RwLock<BTreeMap<String, InFlightReport>>>,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Logged {
    pub(super) event_id: EventId,
    pub(super) id: String,
    pub(super) received_at: String,
}

/// A mail to one recipient; the address is masked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize, utoipa::ToSchema)]
pub struct MailDelivery {
    /// The address, masked.
    #[schema(example = "j***@example.com")]
    pub recipient: String,
    /// The mail's `Message-ID`, the same at each attempt.
    pub message_id: String,
    /// `sending`, `sent`, `rejected` or `failed`.
    pub state: String,
    /// How often the mail server was asked.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// The mail server's last answer.
    pub answer: Option<String>,
    /// When `state`, `attempts` or `answer` changed last.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the field has the name that it has in a list's answer")]
struct Results<T> {
    results: Vec<T>,
    /// Of log-service only, as `hands`.
    routing_keys: Option<Vec<String>>,
    hands: Option<InFlightReport>,
}

impl PeerClients {
    pub fn new(parts: PeerClientsParts) -> Self {
        let identity = parts.identity;
        Self {
            log_client: PeerClient::new("LOG_SERVICE_URL", &parts.trust, ANSWER_LIMIT),
            log_service: parts.log_service_url,
            email_client: PeerClient::new("EMAIL_SERVICE_URL", &parts.trust, ANSWER_LIMIT),
            email_service: parts.email_service_url,
            log_takes: Arc::new(RwLock::new(catalog::bindings(LOG_QUEUE))),
            log_in_flight: Arc::default(),
            tokens: Arc::new(move |audience| identity.service_token(audience).map_err(|error| error.to_string())),
        }
    }

    /// The client and the address of log-service, for requests with another token.
    pub fn log_service(&self) -> (&PeerClient, &Url) {
        (&self.log_client, &self.log_service)
    }

    /// The same of email-service; none without its address.
    pub fn email_service(&self) -> Option<(&PeerClient, &Url)> {
        self.email_service.as_ref().map(|base| (&self.email_client, base))
    }

    /// Which of these events the log has; at most [`LOOKUP`] events.
    pub(super) async fn logged(&self, events: &[EventId]) -> Result<BTreeMap<EventId, Logged>, String> {
        if events.is_empty() {
            return Ok(BTreeMap::new());
        }
        let url = self.log_service.join("/api/logs/lookup").map_err(|error| error.to_string())?;
        let token = (self.tokens)(AUDIENCE_LOG)?;
        let request = self.log_client.post(url).bearer_auth(token).json(&json!({ "event_ids": events }));
        let found: Results<Logged> = read(self.log_client.send(request).await, "log-service").await?;
        if let Some(keys) = found.routing_keys {
            let patterns = keys.iter().take(MAX_PATTERNS).map(|key| Pattern::new(key)).collect();
            *self.log_takes.write().unwrap_or_else(PoisonError::into_inner) = patterns;
        }
        if let Some(report) = found.hands {
            let mut known = self.log_in_flight.write().unwrap_or_else(PoisonError::into_inner);
            // Ended processes report no more; the live ones report again soon.
            if known.len() >= MAX_REPLICAS {
                known.clear();
            }
            known.insert(report.replica.clone(), report);
        }
        Ok(found.results.into_iter().map(|logged| (logged.event_id, logged)).collect())
    }

    /// The mails of an event; none without the address of email-service.
    pub(super) async fn mails(&self, event: EventId) -> Option<Result<Vec<MailDelivery>, String>> {
        let base = self.email_service.as_ref()?;
        let ask = async {
            let url = base.join("/api/emails").map_err(|error| error.to_string())?;
            let token = (self.tokens)(AUDIENCE_EMAIL)?;
            let query = [("event_id", event.to_string()), ("page_size", "100".to_owned())];
            let url = Url::parse_with_params(url.as_str(), &query).map_err(|error| error.to_string())?;
            let request = self.email_client.get(url).bearer_auth(token);
            let found: Results<MailDelivery> = read(self.email_client.send(request).await, "email-service").await?;
            Ok(found.results)
        };
        Some(ask.await)
    }

    /// The messages in flight in the processes of log-service, by their last reports.
    pub(super) fn log_in_flight(&self) -> BTreeMap<String, InFlightReport> {
        self.log_in_flight.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether log-service consumes events of this type from the broker, by its last report.
    pub(super) fn log_takes(&self, event_type: &str) -> bool {
        let patterns = self.log_takes.read().unwrap_or_else(PoisonError::into_inner);
        patterns.iter().any(|pattern| pattern.matches(event_type))
    }

    pub(super) fn has_email_service(&self) -> bool {
        self.email_service.is_some()
    }

    /// Whether email-service is ready to send; none without its address.
    pub(super) async fn can_mail(&self) -> Option<bool> {
        let url = self.email_service.as_ref()?.join("/readyz").ok()?;
        let answered = self.email_client.send(self.email_client.get(url)).await;
        Some(answered.is_ok_and(|answer| answer.status().is_success()))
    }
}

async fn read<T: DeserializeOwned>(response: reqwest::Result<Response>, peer: &str) -> Result<T, String> {
    let answer = response.map_err(|error| format!("{peer} does not answer: {}", error.without_url()))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("{peer} answers {}", answer.status()));
    }
    answer.json().await.map_err(|error| format!("{peer} answers something else: {}", error.without_url()))
}
