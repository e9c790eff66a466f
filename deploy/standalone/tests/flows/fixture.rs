//! A running system, with its stand-ins and users.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_kit::clock::SystemClock;
use stand_ins::fcm;
use stand_ins::providers::Providers;
use stand_ins::sms::SmsStub;
use tempfile::TempDir;
use test_support::found;

use crate::inbox::Inbox;
use crate::process::{Environment, Process, environment};
use crate::secrets::Secrets;

pub(crate) const PASSWORD: &str = "canary horse battery staple";
pub(crate) const OTHER: &str = "another canary, another staple";
pub(crate) const ADMIN: &str = "admin@bank.example.com";
pub(crate) const ADMIN_PASSWORD: &str = "the canary of an administrator";
pub(crate) const SECRET_KEY: &str = "a canary key of the flows, long enough";
const SOON: Duration = Duration::from_mins(1);

pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    pub(crate) bank: String,
    pub(crate) log: String,
    pub(crate) email: String,
    pub(crate) http: Client,
    pub(crate) inbox: Inbox,
    pub(crate) others: Others,
    pub(crate) secrets: Secrets,
    /// The environment of bank-service's commands.
    pub(crate) operator: Environment,
    /// All files of the processes on this machine.
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) processes: Vec<Process>,
}

/// The location of the system's data.
pub(crate) enum Store {
    /// Below this folder, except the files made for people to read.
    Files(PathBuf),
    Servers {
        database: String,
        documents: String,
        documents_of: [String; 2],
        broker: String,
    },
}

/// The services of others.
pub(crate) struct Others {
    pub(crate) sms: SmsStub,
    pub(crate) push: fcm::StandIn,
    pub(crate) providers: Providers,
}

impl std::ops::Deref for Fixture {
    type Target = Others;

    fn deref(&self) -> &Others {
        &self.others
    }
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl Fixture {
    /// An address for this system's mails only.
    pub(crate) fn address(&self, who: &str) -> String {
        format!("{who}@{}.example.com", self.name)
    }

    /// Status and body of an answer.
    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.bank));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// A POST with or without a login; gives the body of the answer, which has to have this status.
    pub(crate) async fn post(&self, by: Option<&Person>, path: &str, body: Value, status: u16) -> Value {
        let answer = self.send(Method::POST, path, by.map(|by| by.token.as_str()), &body).await;
        assert_eq!(answer.0, status, "{}: POST {path}: {}", self.name, answer.1);
        answer.1
    }

    pub(crate) async fn get(&self, by: &Person, path: &str) -> Value {
        let answer = self.send(Method::GET, path, Some(&by.token), &Value::Null).await;
        assert_eq!(answer.0, 200, "{}: GET {path}: {}", self.name, answer.1);
        answer.1
    }

    pub(crate) async fn delete(&self, by: &Person, path: &str, body: Value) -> Value {
        let answer = self.send(Method::DELETE, path, Some(&by.token), &body).await;
        assert_eq!(answer.0, 200, "{}: DELETE {path}: {}", self.name, answer.1);
        answer.1
    }

    pub(crate) async fn register(&self, who: &str) -> Person {
        let email = self.address(who);
        self.post(None, "/auth/register", json!({"email": email, "password": PASSWORD}), 201).await;
        self.log_in(&email, PASSWORD).await
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Person {
        let tokens = self.post(None, "/auth/login", json!({"email": email, "password": password}), 200).await;
        self.person(email, &tokens)
    }

    pub(crate) async fn refused(&self, email: &str, password: &str) {
        let problem = self.post(None, "/auth/login", json!({"email": email, "password": password}), 401).await;
        assert_eq!(problem["error"], "invalid_credentials");
    }

    /// The user of these tokens.
    pub(crate) fn person(&self, email: &str, tokens: &Value) -> Person {
        let token = tokens["access_token"].as_str().unwrap_or_else(|| panic!("no token in {tokens}")).to_owned();
        self.secrets.keep("the signature of an access token", token.rsplit('.').next().unwrap());
        let refresh_token = self.secrets.keep("a refresh token", tokens["refresh_token"].as_str().unwrap());
        Person { email: email.to_owned(), token, refresh_token }
    }

    pub(crate) async fn admin(&self) -> Person {
        self.log_in(ADMIN, ADMIN_PASSWORD).await
    }

    /// Whether a token is accepted.
    pub(crate) async fn is_in(&self, person: &Person) -> bool {
        let (status, _) = self.send(Method::GET, "/auth/me", Some(&person.token), &Value::Null).await;
        assert!([200, 401].contains(&status), "{status}");
        status == 200
    }

    /// Polls until there is a value.
    pub(crate) async fn eventually<T>(&self, what: &str, poll: impl AsyncFnMut() -> Option<T>) -> T {
        found(&format!("{}: {what}", self.name), SOON, poll).await.0
    }
}

impl Others {
    /// For a service with the address `public_url`.
    pub(crate) fn start(public_url: &str) -> Self {
        let providers = Providers::start(Arc::new(SystemClock), public_url);
        Self { sms: SmsStub::start(), push: fcm::StandIn::start(), providers }
    }

    /// The variables that configure them, and the service itself, in bank-service.
    pub(crate) fn variables(&self, folder: &Path, public_url: &str) -> Environment {
        let credentials = folder.join("push-credentials.json");
        std::fs::write(&credentials, &self.push.credentials).unwrap();
        let mut variables = environment([
            ("PUBLIC_URL", public_url.to_owned()),
            ("SECRET_KEY", SECRET_KEY.to_owned()),
            ("ADMIN_EMAIL", ADMIN.to_owned()),
            ("ADMIN_PASS", ADMIN_PASSWORD.to_owned()),
            ("RATE_LOGIN_PER_MINUTE", "0".to_owned()),
            ("RATE_REGISTER_PER_HOUR", "0".to_owned()),
            ("RATE_FORGOT_PER_HOUR", "0".to_owned()),
            ("PUSH_BASE_URL", self.push.url.clone()),
            ("PUSH_CREDENTIALS_FILE", credentials.display().to_string()),
        ]);
        variables.extend(self.sms.variables());
        variables.extend(self.providers.variables());
        variables
    }
}

/// The secrets that exist from the start.
pub(crate) fn secrets() -> Secrets {
    let secrets = Secrets::default();
    for (what, text) in [
        ("the password", PASSWORD),
        ("the new password", OTHER),
        ("the administrator's password", ADMIN_PASSWORD),
        ("the key", SECRET_KEY),
        ("the client's secret at the providers", stand_ins::providers::CLIENT_SECRET),
        ("the secret of the account for text messages", stand_ins::sms::TOKEN),
    ] {
        secrets.keep(what, text);
    }
    secrets
}
