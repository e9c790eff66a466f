//! Requests to log-service and email-service by their HTTP APIs, with a token of the user's session, so that their own access
//! decisions count. Each answer has a time limit of two seconds and a size limit; a service that cannot be reached is a fault
//! that a page shows in its place, beside everything else.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::{PeerClient, bounded_body};
use url::Url;

use super::staff::Staff;
use crate::http::AppState;

/// The largest answer that a page is made of.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// How long the token of a request for a page is valid.
const TOKEN_LIFETIME: Duration = Duration::from_mins(1);
/// How long a file that is passed on may take, and its token is valid. The service that writes it checks the session meanwhile, and
/// ends it earlier if the session ends.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(10);
/// How much of a foreign error text is shown.
const MAX_CAUSE_CHARS: usize = 300;

/// A service and the token to ask it with.
pub(super) struct Peer<'a> {
    name: &'static str,
    variable: &'static str,
    client: &'a PeerClient,
    base: &'a Url,
    token: String,
}

/// Why a service gave no answer, for a page to show.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PeerFault {
    pub(super) service: &'static str,
    pub(super) cause: String,
    /// What an operator can do about it.
    pub(super) fix: String,
    /// The status of its answer; none if it did not answer.
    #[serde(skip)]
    status: Option<u16>,
}

/// The parts of a problem document that a page shows.
#[derive(Deserialize)]
struct ProblemText {
    detail: Option<String>,
    errors: Option<BTreeMap<String, Vec<String>>>,
}

impl PeerFault {
    pub(super) fn is_missing(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND.as_u16())
    }
}

impl<'a> Peer<'a> {
    pub(super) fn log_service(state: &'a AppState, staff: &Staff) -> Result<Self, PeerFault> {
        Self::log_service_for(TOKEN_LIFETIME, state, staff)
    }

    /// The same for a file.
    pub(super) fn log_service_for_download(state: &'a AppState, staff: &Staff) -> Result<Self, PeerFault> {
        Self::log_service_for(DOWNLOAD_LIMIT, state, staff)
    }

    fn log_service_for(lifetime: Duration, state: &'a AppState, staff: &Staff) -> Result<Self, PeerFault> {
        let name = "log-service";
        let (client, base) = state.tracer().peers.log_service();
        Ok(Self { name, variable: "LOG_SERVICE_URL", client, base, token: token(name, state, staff, lifetime)? })
    }

    pub(super) fn email_service(state: &'a AppState, staff: &Staff) -> Result<Self, PeerFault> {
        let (name, variable) = ("email-service", "EMAIL_SERVICE_URL");
        let (client, base) = state.tracer().peers.email_service().ok_or_else(|| not_set(name, variable))?;
        Ok(Self { name, variable, client, base, token: token(name, state, staff, TOKEN_LIFETIME)? })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, PeerFault> {
        let request = self.client.get(self.url(path, query)?).bearer_auth(&self.token);
        self.read(self.client.send(request).await).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, PeerFault> {
        let request = self.client.post(self.url(path, &[])?).bearer_auth(&self.token).json(body);
        self.read(self.client.send(request).await).await
    }

    /// A file to pass on as it comes.
    pub(super) async fn download(&self, path: &str, query: &[(&str, String)]) -> Result<Response, PeerFault> {
        let request = self.client.get(self.url(path, query)?).bearer_auth(&self.token).timeout(DOWNLOAD_LIMIT);
        self.accepted(self.client.send(request).await).await
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<Url, PeerFault> {
        let mut url = self.base.join(path).map_err(|error| self.silent(&error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn read<T: DeserializeOwned>(&self, response: reqwest::Result<Response>) -> Result<T, PeerFault> {
        let answer = self.accepted(response).await?;
        let body = bounded_body(answer, MAX_ANSWER).await.map_err(|cause| self.silent(&cause))?;
        serde_json::from_slice(&body).map_err(|_| self.silent("its answer has another form than expected"))
    }

    async fn accepted(&self, response: reqwest::Result<Response>) -> Result<Response, PeerFault> {
        let answer = response.map_err(|error| self.silent(&service_kit::http::causes(&error.without_url())))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = bounded_body(answer, MAX_ANSWER).await.unwrap_or_default();
        let text = serde_json::from_slice::<ProblemText>(&body).ok();
        Err(self.refused(status.as_u16(), text))
    }

    fn silent(&self, cause: &str) -> PeerFault {
        PeerFault {
            service: self.name,
            cause: format!("{} cannot be reached: {}", self.name, shortened(cause)),
            fix: format!("Check that it runs and that {} is its address.", self.variable),
            status: None,
        }
    }

    fn refused(&self, status: u16, text: Option<ProblemText>) -> PeerFault {
        let (detail, errors) = text.map(|text| (text.detail, text.errors)).unwrap_or_default();
        let faults = errors.unwrap_or_default();
        let faults = faults.iter().map(|(field, texts)| format!("{field} {}", texts.join(", ")));
        let faults: Vec<String> = faults.collect();
        let cause = if faults.is_empty() { detail.unwrap_or_default() } else { faults.join("; ") };
        let fix = match status {
            401 | 403 => "Log in again; if that does not help, check the clocks of the services.",
            404 => "Go back to the list.",
            400 | 422 => "Change the filters.",
            429 => "Ask again after some seconds.",
            _ => "Ask again after some seconds; its log has the cause.",
        };
        let cause = format!("{} answers {status}: {}", self.name, shortened(&cause));
        PeerFault { service: self.name, cause, fix: fix.to_owned(), status: Some(status) }
    }
}

fn token(service: &'static str, state: &AppState, staff: &Staff, lifetime: Duration) -> Result<String, PeerFault> {
    // A lifetime out of range makes a token that has expired.
    let lifetime = TimeDelta::from_std(lifetime).unwrap_or_default();
    staff.access_token(state, lifetime).map_err(|error| PeerFault {
        service,
        cause: format!("{service} was not asked: {}", error.problem().detail()),
        fix: "Try again; the log of bank-service has the cause.".to_owned(),
        status: None,
    })
}

fn not_set(service: &'static str, variable: &str) -> PeerFault {
    let cause = format!("{service} is not asked: {variable} is not set");
    PeerFault { service, cause, fix: format!("Set {variable} to its address and start again."), status: None }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}
