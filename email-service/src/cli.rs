//! The command line.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use clap::{Parser, Subcommand};
use service_kit::config::{ConfigError, Faults};
use service_kit::http::auth::JWKS_VARIABLE;
use service_kit::http::server::check_address;
use service_kit::http::{PeerClient, causes};
use service_kit::lifecycle::{Shutdown, WORK_LIMIT};
use service_kit::messaging::amqp::{self, AmqpConsumers, AmqpPublisher, Role};
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use service_kit::telemetry::Metrics;
use tokio::sync::broadcast;

use email_service::mailer::MailTarget;
use email_service::templates::Templates;
use email_service::{Args, Config, EmailService, http};

const JWKS_LIMIT: Duration = Duration::from_secs(3);
/// Handlers that still run after this time are stopped; what they had is delivered again.
const DRAIN: Duration = Duration::from_secs(5);

/// Turns events into mail and reports the mail server's answer.
#[derive(Debug, Parser)]
#[command(name = "email-service", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) args: Args,
}

const EXAMPLES: &str = "Examples:
  email-service                                        serve with the defaults
  MAIL_URL=mailbox:/var/mail/bank email-service serve  keep mail in another folder
  EMAIL_HOST=smtp.example.com EMAIL_USER=bank email-service doctor
                                                       check a mail server (EMAIL_APP_PASSWORD_FILE)
  email-service doctor                                 check configuration, mailer, store, broker and keys
  email-service openapi > openapi.json                 write the OpenAPI document";

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API (the default).
    Serve,
    /// Print the OpenAPI document.
    Openapi,
    /// Check what the service needs: one line per check, exit code 1 if one fails.
    Doctor,
    /// Ask the service that runs here whether it is ready; for containers.
    Healthcheck,
}

/// Checks all that a command needs, and only then runs it, which begins to write, to the log first of all. The error is for
/// people, on one line with its causes.
pub(crate) async fn run(cli: Cli, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let Cli { command, args } = cli;
    let log = args.log_settings();
    args.refuse_database_file(&mut faults);
    log.check(&mut faults);
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            if let Ok(bind) = args.bind.parse() {
                check_address("EMAIL_BIND", bind, &mut faults);
            }
            let config = args.check_with(faults)?;
            service_kit::telemetry::init(&log)?;
            serve(config).await
        }
        Command::Openapi => {
            faults.finish()?;
            print_openapi()
        }
        Command::Doctor => doctor(args.check_with(faults)).await,
        Command::Healthcheck => healthcheck(&args.check_with(faults)?).await,
    }
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    if let Some(warning) = &config.warning {
        tracing::warn!("{warning}");
    }
    let shutdown = Shutdown::new();
    shutdown.on_signals();
    let Some(broker) = config.broker.clone() else {
        tracing::warn!("AMQP_URI is not set: no events are consumed");
        let service = EmailService::new(config, Arc::new(NoBroker::new())).with_shutdown(shutdown.clone());
        let mut running = service.run().await?;
        running.wait().await;
        running.stop().await;
        return Ok(ExitCode::SUCCESS);
    };
    let metrics = Metrics::new();
    let publisher = Arc::new(AmqpPublisher::start(broker.clone(), &metrics, shutdown.clone()));
    let mut running = EmailService::new(config, publisher)
        .with_shutdown(shutdown.clone())
        .with_metrics(metrics.clone())
        .run()
        .await?;
    amqp::check_at_start(&broker, &[Role::Consumer(&running.consumer_settings())]).await.context("AMQP_URI")?;
    let consumers = AmqpConsumers::new(broker, metrics, shutdown.clone());
    consumers.subscribe(running.consumer_settings(), running.consumer())?;
    let watched = consumers.clone();
    // Requests are answered without the broker: events wait.
    running.readiness().watch("broker", move || {
        let state = watched.state();
        Box::pin(async move { state })
    });
    shutdown.wait().await;
    let deadline = shutdown.deadline(WORK_LIMIT);
    consumers.drain(deadline.left(DRAIN)).await;
    running.wait().await;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn healthcheck(config: &Config) -> anyhow::Result<ExitCode> {
    let result = service_kit::http::healthcheck(config.bind, &config.tls).await;
    result.map_err(|reason| anyhow!("EMAIL_BIND: {reason}"))?;
    Ok(ExitCode::SUCCESS)
}

fn print_openapi() -> anyhow::Result<ExitCode> {
    let mut text = serde_json::to_string_pretty(&http::document())?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn doctor(config: Result<Config, ConfigError>) -> anyhow::Result<ExitCode> {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            // An unread variable may be a misspelled one that is missing.
            for warning in service_kit::config::warnings().iter().chain(error.warnings()) {
                writeln!(io::stdout(), "WARN  {warning}")?;
            }
            for line in error.lines() {
                report("configuration", &Err(line.clone()))?;
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let checks = [
        ("configuration", Ok(())),
        ("templates", Templates::new(&config.subject_prefix).map(|_| ()).map_err(|error| error.to_string())),
        ("mailer", check_mailer(&config).await),
        ("store", check_store(&config).await),
        ("broker", check_broker(&config).await),
        ("keys", check_keys(&config).await),
    ];
    let mut code = ExitCode::SUCCESS;
    for warning in service_kit::config::warnings().iter().chain(&config.warning) {
        writeln!(io::stdout(), "WARN  {warning}")?;
    }
    for (name, result) in checks {
        report(name, &result)?;
        if result.is_err() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn report(name: &str, result: &Result<(), String>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match result {
        Ok(()) => writeln!(out, "ok    {name}"),
        Err(reason) => writeln!(out, "FAIL  {name}: {reason}"),
    }
}

async fn check_mailer(config: &Config) -> Result<(), String> {
    if let MailTarget::Mailbox(folder) = &config.mail
        && !folder.exists()
    {
        return warn_of_missing("MAIL_URL", "mailbox folder");
    }
    let mailer = config.mail.open().await.map_err(|error| causes(&error))?;
    mailer.probe().await
}

async fn check_store(config: &Config) -> Result<(), String> {
    if config.store.file().is_some_and(|file| !file.exists()) {
        return warn_of_missing("EMAIL_DATABASE_URL", "database");
    }
    let store = config.store.open().await.map_err(|error| format!("EMAIL_DATABASE_URL: {}", causes(&error)))?;
    let probed = store.probe().await;
    store.close().await;
    probed.map_err(|reason| format!("EMAIL_DATABASE_URL: {reason}"))
}

/// No fault, and `doctor` makes nothing.
fn warn_of_missing(variable: &str, what: &str) -> Result<(), String> {
    let warned =
        writeln!(io::stdout(), "WARN  {variable}: there is no {what} yet; the service makes it when it starts");
    warned.map_err(|error| error.to_string())
}

async fn check_broker(config: &Config) -> Result<(), String> {
    let Some(broker) = &config.broker else { return Ok(()) };
    amqp::probe(broker).await.map_err(|error| format!("AMQP_URI: {error}"))
}

async fn check_keys(config: &Config) -> Result<(), String> {
    let client = PeerClient::new(JWKS_VARIABLE, &config.peers, JWKS_LIMIT);
    let url = config.jwks_url.parse().map_err(|_| "JWKS_URL: not an address".to_owned())?;
    let answer = client.probe(&url).await;
    let (answer, warning) =
        answer.map_err(|error| format!("JWKS_URL: {}; is bank-service running?", causes(&error.without_url())))?;
    if let Some(warning) = warning {
        writeln!(io::stdout(), "WARN  {warning}").map_err(|error| error.to_string())?;
    }
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("JWKS_URL: the answer is {status}")) }
}

/// Stands where the broker will: nothing is heard, so nothing is ever published.
struct NoBroker {
    resumed: broadcast::Sender<String>,
}

impl NoBroker {
    fn new() -> Self {
        Self { resumed: broadcast::Sender::new(1) }
    }
}

#[async_trait]
impl Publisher for NoBroker {
    async fn publish(&self, _: Outgoing) -> PublishResult {
        PublishResult::Unavailable { reason: "no broker is configured".to_owned() }
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.resumed.subscribe()
    }
}
