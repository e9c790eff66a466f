//! One running service with the test's stand-ins around it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use log_service::config::Config;
use log_service::domain::NewLogEntry;
use log_service::{Running, app};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use service_kit::clock::{Clock, SystemClock};
use service_kit::http::auth::{
    AUDIENCE_BANK, AUDIENCE_EMAIL, AUDIENCE_LOG, Claims, ISSUER, SessionError, SessionSource, SigningKey,
};
use service_kit::ids;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::InProcessBroker;
use service_kit::process::Parts;
use service_kit::telemetry::Metrics;
use shared_events::UserId;
use test_support::auth::StaticKeys;
use test_support::dead_letters::MemoryDeadLetters;

use crate::backend::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    User(i64),
    Manager,
    Admin,
    Service,
}

pub(crate) struct App {
    pub(crate) running: Running,
    pub(crate) broker: InProcessBroker,
    pub(crate) dead_letters: Arc<MemoryDeadLetters>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) key: SigningKey,
    pub(crate) place: Arc<Place>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) clock: Arc<MovedClock>,
    client: reqwest::Client,
}

/// Plays bank-service, which answers whether a session counts. Accepts all tokens until the test changes that.
#[derive(Default)]
pub(crate) struct Bank {
    answers: Mutex<HashMap<i64, Result<Vec<String>, SessionError>>>,
    requests: AtomicU32,
    refused: AtomicU32,
}

impl Bank {
    pub(crate) fn set_answer(&self, user: i64, answer: Result<&[&str], SessionError>) {
        let answer = answer.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
        self.answers.lock().unwrap().insert(user, answer);
    }

    /// The numbers of its requests and of its refusals.
    pub(crate) fn requests(&self) -> (u32, u32) {
        (self.requests.load(Ordering::SeqCst), self.refused.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl SessionSource for Bank {
    async fn roles(&self, _: &str, claims: &Claims, _: bool) -> Result<Vec<String>, SessionError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let stored = claims.user_id.and_then(|user| self.answers.lock().unwrap().get(&user).cloned());
        let answer = stored.unwrap_or_else(|| Ok(claims.roles.clone()));
        self.refused.fetch_add(u32::from(answer.is_err()), Ordering::SeqCst);
        answer
    }
}

/// The system's clock, moved.
#[derive(Default)]
pub(crate) struct MovedClock(AtomicI64);

impl MovedClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The code of a problem.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        self.json()["error"].as_str().unwrap().to_owned()
    }

    /// The fields that a problem names.
    pub(crate) fn faulty_fields(&self) -> Vec<String> {
        assert_eq!((self.status.as_u16(), self.error().as_str()), (422, "validation_failed"), "{}", self.text);
        self.json()["errors"].as_object().unwrap().keys().cloned().collect()
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        let results = self.json()["results"].as_array().unwrap().clone();
        results.iter().map(|log| log["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_in(Arc::new(Place::new())).await
    }

    /// Starts on a store that may hold entries of an earlier run, or be in use by another replica.
    pub(crate) async fn start_in(place: Arc<Place>) -> Self {
        let config = place.config();
        Self::start_with(place, config).await
    }

    pub(crate) async fn start_with(place: Arc<Place>, config: Config) -> Self {
        let mut settings = config.check().unwrap();
        settings.stream.heartbeat = Duration::from_millis(300);
        settings.stream.send_limit = Duration::from_millis(500);
        settings.stream.recheck = Duration::from_millis(50);
        let (bank, clock) = (Arc::new(Bank::default()), Arc::new(MovedClock::default()));
        let (key, shutdown, metrics) = (SigningKey::generate(), Shutdown::new(), Metrics::new());
        let parts = Parts {
            clock: Arc::<MovedClock>::clone(&clock),
            keys: Arc::new(StaticKeys::new([key.jwk()])),
            sessions: Arc::<Bank>::clone(&bank),
            metrics: Arc::clone(&metrics),
            shutdown: shutdown.clone(),
        };
        let running = app::start(settings, parts).await.unwrap();
        let dead_letters = Arc::new(MemoryDeadLetters::new());
        let broker = InProcessBroker::new(dead_letters.clone(), Arc::clone(&metrics), shutdown);
        broker.subscribe(running.consumer_settings(), running.consumer()).unwrap();
        let client = service_kit::http::client(Duration::from_secs(30));
        Self { running, broker, dead_letters, metrics, key, place, bank, clock, client }
    }

    pub(crate) fn claims(who: Who) -> Claims {
        let (user_id, role) = match who {
            Who::Nobody => (None, None),
            Who::User(id) => (Some(id), Some("user")),
            Who::Manager => (Some(1001), Some("manager")),
            Who::Admin => (Some(1000), Some("admin")),
            Who::Service => (None, Some("service")),
        };
        let aud: &[&str] =
            if who == Who::Service { &[AUDIENCE_LOG] } else { &[AUDIENCE_BANK, AUDIENCE_LOG, AUDIENCE_EMAIL] };
        let now = SystemClock.now().timestamp();
        Claims {
            sub: user_id.map_or("bank-service".to_owned(), |id| id.to_string()),
            user_id,
            client_id: None,
            account_ids: Vec::new(),
            account_ids_truncated: None,
            roles: role.map(str::to_owned).into_iter().collect(),
            fresh: false,
            auth_time: None,
            amr: Vec::new(),
            sid: None,
            jti: ids::new_uuid().to_string(),
            iat: now,
            nbf: now,
            exp: now + 900,
            iss: ISSUER.to_owned(),
            aud: aud.iter().map(|aud| (*aud).to_owned()).collect(),
        }
    }

    pub(crate) fn token(&self, who: Who) -> String {
        self.key.sign(&Self::claims(who)).unwrap()
    }

    pub(crate) fn request(&self, who: Who, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.running.url()));
        if who == Who::Nobody { request } else { request.bearer_auth(self.token(who)) }
    }

    pub(crate) async fn get(&self, who: Who, path: &str) -> Answer {
        send(self.request(who, Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, who: Who, path: &str) -> Answer {
        send(self.request(who, Method::DELETE, path)).await
    }

    pub(crate) async fn put(&self, who: Who, path: &str, body: &Value) -> Answer {
        send(self.request(who, Method::PUT, path).json(body)).await
    }

    pub(crate) async fn post(&self, who: Who, path: &str, body: &Value) -> Answer {
        send(self.request(who, Method::POST, path).json(body)).await
    }

    /// Records an event as a service and returns the entry.
    pub(crate) async fn record(&self, event: Value) -> Value {
        let answer = self.post(Who::Service, "/api/logs", &event).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["item"].clone()
    }

    /// Puts entries into the store directly, with messages `entry 0`, `entry 1`, …
    pub(crate) async fn fill(&self, count: usize) {
        for start in (0..count).step_by(1_000) {
            let entries = (start..count.min(start + 1_000)).map(entry).collect();
            self.running.store().append(entries).await.unwrap();
        }
    }

    pub(crate) fn metric(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|found| found == line)
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// The body of a POST with a new event id.
pub(crate) fn event(user_id: Option<i64>, message: &str) -> Value {
    json!({
        "event_id": ids::new_event_id(), "event_type": "account.created", "source": "urn:bank-service",
        "user_id": user_id, "date": "2025-01-16T17:10:26Z", "message": message, "data": {"name": "John Doe"},
    })
}

/// The entry number `n`; users 1 to 3 in turn.
pub(crate) fn entry(n: usize) -> NewLogEntry {
    NewLogEntry {
        event_id: ids::new_event_id(),
        event_type: "account.created".parse().unwrap(),
        source: "urn:bank-service".to_owned(),
        user_id: UserId::try_new(i64::try_from(n % 3 + 1).unwrap()).ok(),
        date: date("2025-01-16T17:10:26"),
        message: format!("entry {n}"),
        data: json!({"n": n}),
        received_at: SystemClock.now(),
    }
}

pub(crate) fn date(text: &str) -> DateTime<Utc> {
    shared_events::date::parse(text).unwrap()
}
