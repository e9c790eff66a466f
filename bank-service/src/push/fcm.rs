//! Firebase Cloud Messaging, HTTP v1: `POST /v1/projects/{project}/messages:send`.
//!
//! | answer | means |
//! |---|---|
//! | 2xx | taken |
//! | 401 | the access token is asked for anew, once; then unavailable |
//! | 404 `UNREGISTERED` | the app is not on the device any more |
//! | 400, 403 | refused for good |
//! | 408, 429, 5xx, no answer in time | transient |
//! | other 404, no connection | unavailable: project or address are wrong |

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use service_kit::clock::SharedClock;
use url::Url;

use super::grant::{Grants, ServiceAccount, unanswered};
use super::{Notification, PushError, PushSender};

const WHO: &str = "the push service";
/// The bytes of an answer that are read.
const MAX_ANSWER: usize = 16 * 1024;

#[derive(Debug, Clone)]
pub struct FcmSettings {
    /// `https://fcm.googleapis.com`
    pub base_url: Url,
    pub account: ServiceAccount,
    /// For one whole request.
    pub limit: Duration,
}

pub struct Fcm {
    url: String,
    base_url: Url,
    client: reqwest::Client,
    grants: Grants,
}

impl Fcm {
    pub fn new(settings: FcmSettings, clock: SharedClock) -> Self {
        let FcmSettings { base_url, account, limit } = settings;
        let base = base_url.as_str().trim_end_matches('/');
        let url = format!("{base}/v1/projects/{}/messages:send", account.project_id);
        let client = service_kit::http::client(limit);
        Self { url, base_url, client, grants: Grants::new(account, limit, clock) }
    }

    async fn post(&self, access_token: &str, body: &Value) -> Result<Response, PushError> {
        let request = self.client.post(&self.url).bearer_auth(access_token).json(body);
        request.send().await.map_err(|error| unanswered(WHO, &error))
    }
}

#[async_trait]
impl PushSender for Fcm {
    async fn send(&self, token: &str, notification: &Notification) -> Result<(), PushError> {
        let body = json!({
            "message": {
                "token": token,
                "notification": {"title": notification.title, "body": notification.body},
                "data": notification.data,
            }
        });
        let access_token = self.grants.token(None).await?;
        let mut answer = self.post(&access_token, &body).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let renewed = self.grants.token(Some(&access_token)).await?;
            answer = self.post(&renewed, &body).await?;
        }
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let code = error_code(answer).await;
        Err(push_error(status, &code))
    }

    async fn probe(&self) -> Result<(), String> {
        self.grants.token(None).await.map_err(|error| error.to_string())?;
        let answer = self.client.get(self.base_url.clone()).send().await;
        answer.map(|_| ()).map_err(|error| unanswered(WHO, &error).to_string())
    }
}

fn push_error(status: StatusCode, code: &str) -> PushError {
    let reason = if code.is_empty() { status.to_string() } else { format!("{status} {code}") };
    match status.as_u16() {
        404 if code == "UNREGISTERED" => PushError::Unregistered,
        400 | 403 => PushError::Refused(reason),
        408 | 429 | 500..=599 => PushError::Transient(reason),
        _ => PushError::Unavailable(format!("{reason}; check PUSH_BASE_URL and PUSH_CREDENTIALS_FILE")),
    }
}

/// The `errorCode` of FCM's details, or the `status` of the error; empty if there is none.
async fn error_code(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return String::new();
        }
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let details = body.pointer("/error/details").and_then(Value::as_array).cloned().unwrap_or_default();
    let code = details.iter().find_map(|detail| detail.get("errorCode").and_then(Value::as_str));
    let code = code.or_else(|| body.pointer("/error/status").and_then(Value::as_str)).unwrap_or_default();
    // This goes to the log: the service's code, and nothing longer.
    code.chars().filter(|c| c.is_ascii_uppercase() || *c == '_').take(64).collect()
}
