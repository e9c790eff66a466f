//! One bank-service per test: real HTTP on a free port, its own database in a temporary folder, a clock that the test controls.

use std::sync::Arc;

use bank_service::app::{self, Running};
use bank_service::config::Config;
use bank_service::store::StoreError;
use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service_kit::clock::ManualClock;
use service_kit::config::Secret;
use service_kit::lifecycle::Shutdown;
use service_kit::telemetry::Metrics;
use shared_events::Envelope;
use tempfile::TempDir;

use crate::database;
use crate::trace::dead_letter_stub::DeadLetterStub;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ADMIN: &str = "admin@example.com";
pub(crate) const SECRET_KEY: &str = "a key of the test suite, long enough to be taken";

pub(crate) struct TestApp {
    pub(crate) running: Running,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: reqwest::Client,
    pub(crate) shutdown: Shutdown,
    pub(crate) folder: TempDir,
    pub(crate) dead_letters: DeadLetterStub,
}

/// A response, read completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The status, and the stable code of a problem (empty if it is none).
    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"].as_str().unwrap_or_default())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub(crate) fn item(self, status: u16) -> Value {
        self.expect(status)["item"].clone()
    }
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

pub(crate) fn start_of_tests() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-01-16T17:10:26Z").unwrap().with_timezone(&Utc)
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(TempDir::new().unwrap(), Arc::new(ManualClock::new(start_of_tests())), change).await
    }

    /// Starts on a folder that may contain an earlier run's data.
    pub(crate) async fn start_in(folder: TempDir, clock: Arc<ManualClock>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            bind: "127.0.0.1:0".parse().unwrap(),
            database_url: database::of(folder.path()).await,
            secret_key: Some(Secret::new(SECRET_KEY)),
            rate_login_per_minute: 0,
            rate_register_per_hour: 0,
            rate_forgot_per_hour: 0,
            workers: Some(2),
            ..Config::default()
        };
        change(&mut config);
        let shutdown = Shutdown::new();
        let metrics = Metrics::new();
        let mut state = app::prepare(config.check().unwrap(), clock.clone(), metrics).await.unwrap();
        let dead_letters = DeadLetterStub::attach(&mut state);
        let running = app::serve(state, shutdown.clone()).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { running, clock, client, shutdown, folder, dead_letters }
    }

    /// Shuts the service down cleanly and returns the folder.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.begin();
        self.running.finish().await.unwrap();
        self.folder
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.addr())
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, Some(token))).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path, Some(token)).json(&body)).await
    }

    pub(crate) async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path, Some(token)).json(&body)).await
    }

    pub(crate) async fn delete(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path, Some(token))).await
    }

    /// A POST without a token.
    pub(crate) async fn post_anonymous(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path, None).json(&body)).await
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        self.post_anonymous("/auth/login", json!({"email": email, "password": password})).await
    }

    /// Registers a user and logs in.
    pub(crate) async fn user(&self, email: &str) -> Person {
        self.post_anonymous("/auth/register", json!({"email": email, "password": PASSWORD})).await.expect(201);
        self.person(email).await
    }

    /// Registers a user who verifies its address in its session, and logs in.
    pub(crate) async fn verified_user(&self, email: &str) -> Person {
        let person = self.user(email).await;
        let mail = self.newest_mail(email, "verify-email").await;
        self.post(&person.token, "/auth/email/verify", json!({"token": mail.token()})).await.expect(200);
        person
    }

    /// Logs an existing user in.
    pub(crate) async fn person(&self, email: &str) -> Person {
        let tokens = self.login(email, PASSWORD).await.expect(200);
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        let me = self.get(&token, "/auth/me").await.expect(200);
        Person {
            id: me["id"].as_i64().unwrap(),
            token,
            refresh_token: tokens["refresh_token"].as_str().unwrap().to_owned(),
        }
    }

    /// The administrator, created on first use.
    pub(crate) async fn admin(&self) -> Person {
        self.running.state.ensure_admin(ADMIN, &Secret::new(PASSWORD)).await.unwrap();
        self.person(ADMIN).await
    }

    /// A user with exactly these roles.
    pub(crate) async fn with_roles(&self, admin: &Person, email: &str, roles: &[&str]) -> Person {
        let body = json!({"email": email, "password": PASSWORD, "roles": roles});
        self.post(&admin.token, "/api/users", body).await.expect(201);
        self.person(email).await
    }

    pub(crate) async fn manager(&self, admin: &Person) -> Person {
        self.with_roles(admin, "manager@example.com", &["manager"]).await
    }

    /// All events in the outbox, in order.
    pub(crate) async fn events(&self) -> Vec<Envelope> {
        let now = self.clock_now().naive_utc();
        let rows = self.running.state.store.read(move |db| bank_service::store::outbox::due(db, now, 100_000)).await;
        let store = &self.running.state.store;
        let decode = |row: bank_service::store::outbox::DueRow| store.message_of(&row).unwrap().decode().unwrap();
        rows.map_err(|error: StoreError| error.to_string()).unwrap().into_iter().map(decode).collect()
    }

    /// The types of the events since `from`, without the audit trail and the requests for mails and text messages.
    pub(crate) async fn event_types(&self, from: usize) -> Vec<String> {
        let events = self.events().await;
        let types = events.iter().skip(from).map(|event| event.event_type.to_string());
        types.filter(|kind| !kind.starts_with("security.") && !kind.ends_with(".requested")).collect()
    }

    fn clock_now(&self) -> DateTime<Utc> {
        use service_kit::clock::Clock as _;
        self.clock.now()
    }
}
