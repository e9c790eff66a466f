//! What the other services know of events, asked over HTTP with a service token. Each answer has a time limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use service_kit::http::auth::{AUDIENCE_EMAIL, AUDIENCE_LOG};
use shared_events::EventId;
use url::Url;

use crate::security::Security;

/// How long a peer may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How many events one lookup asks for; log-service takes no more.
pub(super) const LOOKUP: usize = 500;

/// Makes a service token for an audience.
type Tokens = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

pub struct PeersParts {
    pub log_service_url: Url,
    /// None: email-service is not asked.
    pub email_service_url: Option<Url>,
    pub security: Security,
}

/// log-service and email-service.
#[derive(Clone)]
pub struct Peers {
    client: reqwest::Client,
    log_service: Url,
    email_service: Option<Url>,
    tokens: Tokens,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Logged {
    pub(super) event_id: EventId,
    pub(super) id: String,
    pub(super) received_at: String,
}

/// A mail to one recipient, who is masked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize, utoipa::ToSchema)]
pub struct MailDelivery {
    /// Masked.
    #[schema(example = "j***@example.com")]
    pub recipient: String,
    pub message_id: String,
    /// `sending`, `sent`, `rejected` or `failed`.
    pub state: String,
    /// How often the mail server was asked.
    pub attempts: i32,
    /// What it answered last.
    pub answer: Option<String>,
    pub updated_at: String,
}

#[derive(Deserialize)]
struct Results<T> {
    results: Vec<T>,
}

impl Peers {
    pub fn new(parts: PeersParts) -> Self {
        let security = parts.security;
        Self {
            client: service_kit::http::client(ANSWER_LIMIT),
            log_service: parts.log_service_url,
            email_service: parts.email_service_url,
            tokens: Arc::new(move |audience| security.service_token(audience).map_err(|error| error.to_string())),
        }
    }

    /// Which of these events the log has; at most [`LOOKUP`] events.
    pub(super) async fn logged(&self, events: &[EventId]) -> Result<BTreeMap<EventId, Logged>, String> {
        if events.is_empty() {
            return Ok(BTreeMap::new());
        }
        let url = self.log_service.join("/api/logs/lookup").map_err(|error| error.to_string())?;
        let token = (self.tokens)(AUDIENCE_LOG)?;
        let asked = self.client.post(url).bearer_auth(token).json(&json!({ "event_ids": events })).send().await;
        let found: Results<Logged> = read(asked, "log-service").await?;
        Ok(found.results.into_iter().map(|logged| (logged.event_id, logged)).collect())
    }

    /// The mails of an event; none if email-service is not to be asked.
    pub(super) async fn mails(&self, event: EventId) -> Option<Result<Vec<MailDelivery>, String>> {
        let base = self.email_service.as_ref()?;
        let ask = async {
            let url = base.join("/api/emails").map_err(|error| error.to_string())?;
            let token = (self.tokens)(AUDIENCE_EMAIL)?;
            let query = [("event_id", event.to_string()), ("page_size", "100".to_owned())];
            let url = Url::parse_with_params(url.as_str(), &query).map_err(|error| error.to_string())?;
            let found: Results<MailDelivery> =
                read(self.client.get(url).bearer_auth(token).send().await, "email-service").await?;
            Ok(found.results)
        };
        Some(ask.await)
    }

    pub(super) fn asks_email_service(&self) -> bool {
        self.email_service.is_some()
    }

    /// Whether email-service says that it can send; none if it is not to be asked.
    pub(super) async fn can_mail(&self) -> Option<bool> {
        let url = self.email_service.as_ref()?.join("/readyz").ok()?;
        Some(self.client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()))
    }
}

async fn read<T: DeserializeOwned>(asked: reqwest::Result<Response>, peer: &str) -> Result<T, String> {
    let answer = asked.map_err(|error| format!("{peer} does not answer: {}", error.without_url()))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("{peer} answers {}", answer.status()));
    }
    answer.json().await.map_err(|error| format!("{peer} answers something else: {}", error.without_url()))
}
