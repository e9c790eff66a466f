//! One running service with its own folders, a broker, a callback queue and a clock that stands still.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use email_service::config::{Config, Settings};
use email_service::mailer::Mailer;
use email_service::{Running, app};
use serde_json::{Value, json};
use service_kit::clock::{Clock, ManualClock};
use service_kit::http::auth::{AUDIENCE_EMAIL, Claims, ISSUER, SigningKey};
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    Consumer, ConsumerSettings, Destination, InProcessBroker, Outgoing, Progress, PublishResult, Publisher,
};
use service_kit::process::Parts;
use service_kit::telemetry::Metrics;
use shared_events::{Envelope, Event, EventId, WireMessage, date, routing};
use test_support::auth::{BelieveTokens, StaticKeys};
use test_support::dead_letters::MemoryDeadLetters;

use crate::doubles::Acks;
use crate::mime::{Parsed, parse};

const LIMIT: Duration = Duration::from_mins(1);

/// What is not the default.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) args: Vec<String>,
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    /// Without a callback queue.
    pub(crate) no_callback: bool,
}

pub(crate) struct App {
    pub(crate) broker: InProcessBroker,
    pub(crate) running: Running,
    pub(crate) consumer: Arc<dyn Consumer>,
    pub(crate) dead: Arc<MemoryDeadLetters>,
    pub(crate) acks: Arc<Acks>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: reqwest::Client,
    key: SigningKey,
    folder: tempfile::TempDir,
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, options).await
    }

    pub(crate) async fn start_in(folder: tempfile::TempDir, options: Options) -> Self {
        let settings = settings(&folder, &options.args);
        let clock = Arc::new(ManualClock::new(date::parse("2025-01-16T17:10:30").unwrap()));
        let dead = Arc::new(MemoryDeadLetters::new());
        let shutdown = Shutdown::new();
        let broker = InProcessBroker::with_clock(dead.clone(), Metrics::new(), shutdown.clone(), clock.clone());
        let key = SigningKey::generate();
        let parts = Parts {
            clock: clock.clone(),
            keys: Arc::new(StaticKeys::new([key.jwk()])),
            sessions: Arc::new(BelieveTokens),
            metrics: Metrics::new(),
            shutdown,
        };
        let running = match options.mailer {
            Some(mailer) => app::start_with(settings, parts, mailer).await,
            None => app::start(settings, parts).await,
        };
        let running = running.unwrap();
        let consumer = running.consumer(Arc::new(broker.clone()));
        broker.subscribe(running.consumer_settings(), consumer.clone()).unwrap();
        let acks = Arc::new(Acks::default());
        if !options.no_callback {
            broker.subscribe(ConsumerSettings::new(routing::ACK_QUEUE, vec![]), acks.clone()).unwrap();
        }
        Self { broker, running, consumer, dead, acks, clock, client: reqwest::Client::new(), key, folder }
    }

    /// Ends the service; its folders stay for a next start.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.broker.drain(LIMIT).await;
        self.running.stop().await;
        self.folder
    }

    pub(crate) fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mailbox")
    }

    /// All mails, by file name.
    pub(crate) fn mails(&self) -> Vec<(String, Parsed)> {
        let Ok(entries) = std::fs::read_dir(self.mailbox()) else { return Vec::new() };
        let mut mails: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                assert_eq!(entry.path().extension().unwrap(), "eml", "{name}");
                (name, parse(&std::fs::read(entry.path()).unwrap()))
            })
            .collect();
        mails.sort_by(|a, b| a.0.cmp(&b.0));
        mails
    }

    pub(crate) fn mail(&self) -> Parsed {
        let [(_, mail)] = self.mails().try_into().expect("exactly one mail");
        mail
    }

    /// One try.
    pub(crate) async fn publish(&self, envelope: &Envelope) -> PublishResult {
        self.publish_message(WireMessage::encode(envelope).unwrap(), Progress::default()).await
    }

    pub(crate) async fn publish_message(&self, message: WireMessage, progress: Progress) -> PublishResult {
        self.broker.publish(Outgoing { message, destination: Destination::Exchange, progress }).await
    }

    /// As the outbox does: again and again, with the progress made, until it is accepted. Answers the number of tries.
    pub(crate) async fn publish_until_accepted(&self, envelope: &Envelope) -> usize {
        let message = WireMessage::encode(envelope).unwrap();
        let mut progress = Progress::default();
        for attempts in 1..=20 {
            match self.publish_message(message.clone(), progress).await {
                PublishResult::Accepted => return attempts,
                PublishResult::Later { after, progress: made, waiting_for: None, .. } => {
                    self.clock.advance(after);
                    progress = made;
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("never accepted")
    }

    pub(crate) fn token(&self, roles: &[&str]) -> String {
        self.key.sign(&self.claims(roles)).unwrap()
    }

    pub(crate) fn claims(&self, roles: &[&str]) -> Claims {
        let now = self.clock.now().timestamp();
        // A service is no user.
        let user_id = (!roles.contains(&"service")).then_some(7);
        serde_json::from_value(json!({
            "sub": "7", "user_id": user_id, "roles": roles, "fresh": true, "jti": "j", "iat": now, "nbf": now,
            "exp": now + 900, "iss": ISSUER, "aud": [AUDIENCE_EMAIL],
        }))
        .unwrap()
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.key.sign(claims).unwrap()
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.running.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// As an administrator, expecting success.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, Some(&self.token(&["admin"])), None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// As an administrator.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, Some(&self.token(&["admin"])), Some(body)).await
    }

    /// All records.
    pub(crate) async fn records(&self) -> Vec<Value> {
        self.get("/api/emails?page_size=100").await["results"].as_array().unwrap().clone()
    }

    /// The value of a metric with all the labels given.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = self.running.metrics().render();
        let named = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let fits = |line: &&str| named(line) && labels.iter().all(|(k, v)| line.contains(&format!("{k}=\"{v}\"")));
        text.lines().filter(fits).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

pub(crate) fn settings(folder: &tempfile::TempDir, args: &[String]) -> Settings {
    let path = folder.path().display();
    let mut fixed =
        vec!["email-service".to_owned(), "--bind=127.0.0.1:0".to_owned(), format!("--mail-url=mailbox:{path}/mailbox")];
    if !args.iter().any(|arg| arg.starts_with("--database-url=")) {
        fixed.push(format!("--database-url={}", crate::engine::database_url(folder)));
    }
    Line::try_parse_from(fixed.into_iter().chain(args.iter().cloned())).unwrap().config.check().unwrap()
}

/// An event as bank-service publishes it.
pub(crate) fn event<E: Event>(event: &E) -> Envelope {
    let date = date::parse("2025-01-16T17:10:26").unwrap();
    let id = EventId::from_content(E::TYPE, &serde_json::to_vec(event).unwrap());
    Envelope::new(id, "urn:bank-service", None, date, event).unwrap().with_correlation_id("request-1")
}

pub(crate) fn with_reply<E: Event>(facts: &E) -> Envelope {
    event(facts).with_reply_to(routing::ACK_QUEUE)
}
