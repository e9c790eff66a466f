//! Checks with bank-service whether the session of a token still counts.
//!
//! A signature alone is valid for a quarter of an hour; a logout, a block or a lost role has to count sooner. For each user's
//! token the answer of `GET /auth/introspect` is kept for at most one second; roles come from the answer, not from the token.
//! A refusal is final. While bank-service cannot be reached, a good answer of the last five minutes serves reads; everything
//! else is refused with 503. Tokens of services name no session and are not checked here. At most 64 requests are in flight,
//! each for at most two seconds, and 10,000 sessions are remembered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use super::{Claims, JWKS_VARIABLE};
use crate::clock::SharedClock;
use crate::http::problem::{ErrorCode, Problem};
use crate::http::{self, PeerClient, PeerTrust};

const KEPT: Duration = Duration::from_secs(1);
const KEPT_FOR_READS: Duration = Duration::from_mins(5);
const TIME_LIMIT: Duration = Duration::from_secs(2);
const RETRY_AFTER: Duration = Duration::from_secs(2);
const SESSIONS: usize = 10_000;
const QUESTIONS: usize = 64;
const MAX_BYTES: usize = 16 * 1024;
const PATH: &str = "/auth/introspect";

/// The cause for which a genuine token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionError {
    /// The session has ended, or its user is blocked. Final.
    Refused(ErrorCode),
    /// The session cannot be checked at the moment.
    Unknown,
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused(ErrorCode::Blocked) => Self::new(ErrorCode::Blocked, "This account is blocked."),
            SessionError::Refused(code) => Self::new(code, "The session of this token has ended; log in again."),
            SessionError::Unknown => Self::new(
                ErrorCode::Unavailable,
                "bank-service, which tells whether the session still counts, cannot be reached; ask again in a while.",
            )
            .with_retry_after(RETRY_AFTER),
        }
    }
}

/// Finds the roles that a user has now, if its session still counts.
#[async_trait]
pub trait SessionSource: Send + Sync {
    /// `reads`: the request changes nothing.
    async fn roles(&self, token: &str, claims: &Claims, reads: bool) -> Result<Vec<String>, SessionError>;
}

/// The answer of bank-service.
#[derive(Deserialize)]
struct Introspection {
    active: bool,
    roles: Vec<String>,
}

#[derive(Clone)]
enum Answer {
    Good { roles: Vec<String>, checked_at: DateTime<Utc> },
    Refused(ErrorCode),
}

/// Checks sessions at the server that the keys come from. Clones share one cache.
#[derive(Clone)]
pub struct HttpSessions {
    inner: Arc<Inner>,
}

struct Inner {
    /// None: `JWKS_URL` has no origin.
    url: Option<Url>,
    client: PeerClient,
    clock: SharedClock,
    answers: Cache<String, Answer>,
    questions: Semaphore,
}

impl HttpSessions {
    pub fn new(jwks_url: &str, trust: &PeerTrust, clock: SharedClock) -> Self {
        let url = Url::parse(jwks_url).ok().and_then(|url| url.join(PATH).ok());
        let client = PeerClient::new(JWKS_VARIABLE, trust, TIME_LIMIT);
        let (answers, questions) = (Cache::new(SESSIONS), Semaphore::new(QUESTIONS));
        Self { inner: Arc::new(Inner { url, client, clock, answers, questions }) }
    }

    async fn introspect(&self, token: &str) -> Result<Introspection, SessionError> {
        let url = self.inner.url.clone().ok_or(SessionError::Unknown)?;
        let _place = self.inner.questions.try_acquire().map_err(|_| SessionError::Unknown)?;
        let request = self.inner.client.get(url).bearer_auth(token);
        let response = self.inner.client.send(request).await.map_err(|error| unknown(&error.without_url()))?;
        let status = response.status();
        let bytes = http::bounded_body(response, MAX_BYTES).await.map_err(|error| unknown(&error))?;
        match status.as_u16() {
            200 => {
                let answer: Introspection = serde_json::from_slice(&bytes).map_err(|error| unknown(&error))?;
                if answer.active { Ok(answer) } else { Err(SessionError::Refused(ErrorCode::TokenRevoked)) }
            }
            401 | 403 => Err(SessionError::Refused(code_of(&bytes))),
            status => Err(unknown(&format!("status {status}"))),
        }
    }
}

fn unknown(error: &dyn std::fmt::Display) -> SessionError {
    tracing::warn!(%error, "bank-service does not tell whether a session counts");
    SessionError::Unknown
}

/// The code of a problem; an unknown answer means only that the token is not valid.
fn code_of(body: &[u8]) -> ErrorCode {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let code = problem.get("error").and_then(serde_json::Value::as_str);
    let known = [ErrorCode::TokenRevoked, ErrorCode::TokenExpired, ErrorCode::Blocked];
    known.into_iter().find(|known| Some(known.as_str()) == code).unwrap_or(ErrorCode::InvalidToken)
}

#[async_trait]
impl SessionSource for HttpSessions {
    async fn roles(&self, token: &str, claims: &Claims, reads: bool) -> Result<Vec<String>, SessionError> {
        let Some(session) = &claims.sid else { return Err(SessionError::Refused(ErrorCode::InvalidToken)) };
        let now = self.inner.clock.now();
        let age = |checked_at: DateTime<Utc>| (now - checked_at).to_std().unwrap_or_default();
        let known = self.inner.answers.get(session);
        match &known {
            Some(Answer::Refused(code)) => return Err(SessionError::Refused(*code)),
            Some(Answer::Good { roles, checked_at }) if age(*checked_at) < KEPT => return Ok(roles.clone()),
            _ => {}
        }
        match self.introspect(token).await {
            Ok(Introspection { roles, .. }) => {
                let answer = Answer::Good { roles: roles.clone(), checked_at: now };
                self.inner.answers.insert(session.clone(), answer);
                Ok(roles)
            }
            Err(SessionError::Refused(code)) => {
                // The session of an expired token may have a newer one.
                if matches!(code, ErrorCode::TokenRevoked | ErrorCode::Blocked) {
                    self.inner.answers.insert(session.clone(), Answer::Refused(code));
                }
                Err(SessionError::Refused(code))
            }
            Err(SessionError::Unknown) => match known {
                Some(Answer::Good { roles, checked_at }) if reads && age(checked_at) < KEPT_FOR_READS => Ok(roles),
                _ => Err(SessionError::Unknown),
            },
        }
    }
}
