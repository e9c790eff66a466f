//! The command line of log-service.

mod doctor;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use log_service::config::Settings;
use log_service::{LogParts, LogService, LogServiceConfig, Running};
use service_kit::clock::SystemClock;
use service_kit::config::{self, ConfigError, EXIT_REFUSED, Faults, Parsed};
use service_kit::http::auth::{HttpKeys, HttpSessions};
use service_kit::http::causes;
use service_kit::http::server::check_address;
use service_kit::lifecycle::{Shutdown, WORK_LIMIT, block_on};
use service_kit::messaging::AmqpSettings;
use service_kit::messaging::amqp::{self, AmqpConsumers, Role};
use service_kit::telemetry::{self, LogFormat, LogSettings, Metrics, ReportOptions, TelemetryError};

/// Handlers that still run after this time are stopped; what they had is delivered again.
const DRAIN: Duration = Duration::from_secs(5);

/// Records the events of the other services once each and serves them over HTTP.
#[derive(Parser)]
#[command(version, after_help = "Variables are also read from a file .env in the working directory.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    service: LogServiceConfig,

    /// How log lines look
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "text", global = true)]
    log_format: LogFormat,

    /// What is logged: a level such as info, or a filter of the `RUST_LOG` syntax
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER", global = true)]
    log_level: String,

    /// Append log lines to this file, besides standard error
    #[arg(long, env = "LOG_FILE", value_name = "FILE", global = true)]
    log_file: Option<PathBuf>,

    #[command(flatten)]
    reports: ReportOptions,
}

#[derive(Subcommand, Clone, Copy)]
enum Command {
    /// Run the service (the default)
    Serve,
    /// Print the OpenAPI document
    Openapi,
    /// Check configuration, store, keys and address; exits with 1 if something is wrong
    Doctor,
    /// Ask the service that runs here whether it is ready; for containers
    Healthcheck,
}

/// Gives memory back after a flood, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Parsed { options, faults } = config::parse::<Cli>();
    let code = block_on(run(options, faults)).unwrap_or_else(|error| fail(&error));
    telemetry::flush();
    code
}

/// Checks all that a command needs, and only then begins to write, to the log first of all.
async fn run(cli: Cli, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let Cli { command, service, log_format, log_level, log_file, reports } = cli;
    let log = LogSettings { format: log_format, level: log_level, file: log_file, reports };
    service.refuse_database_file(log.file.as_deref(), &mut faults);
    log.check(&mut faults);
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            if let Ok(bind) = service.log_bind.parse() {
                check_address("LOG_BIND", bind, &mut faults);
            }
            let settings = service.check_with(faults)?;
            telemetry::init(&log)?;
            serve(settings).await?;
        }
        Command::Openapi => {
            faults.finish()?;
            print_document()?;
        }
        Command::Healthcheck => healthcheck(&service.check_with(faults)?).await?,
        Command::Doctor => return Ok(doctor::run(service.check_with(faults)).await),
    }
    Ok(ExitCode::SUCCESS)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(refused) = error.downcast_ref::<ConfigError>() {
        config::print_warnings("log-service", refused.warnings());
    }
    // Standard error may be closed.
    writeln!(std::io::stderr(), "log-service: {}", causes(error.as_ref())).ok();
    let is_refused = error.is::<ConfigError>() || error.is::<TelemetryError>();
    if is_refused { ExitCode::from(EXIT_REFUSED) } else { ExitCode::FAILURE }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    if let Some(warning) = &settings.warning {
        tracing::warn!("{warning}");
    }
    let shutdown = Shutdown::new();
    shutdown.on_signals();
    let clock = Arc::new(SystemClock);
    let parts = LogParts {
        keys: Arc::new(HttpKeys::new(&settings.jwks_url, &settings.peers, clock.clone())),
        sessions: Arc::new(HttpSessions::new(&settings.jwks_url, &settings.peers, clock.clone())),
        clock,
        metrics: Metrics::new(),
        shutdown: shutdown.clone(),
    };
    let running = LogService::start_with(settings, parts).await?;
    let consumers = if let Some(broker) = running.broker() {
        Some(consume(&running, broker, &shutdown).await?)
    } else {
        tracing::warn!("AMQP_URI is not set: events come in by POST /api/logs only");
        None
    };
    shutdown.wait().await;
    let deadline = shutdown.deadline(WORK_LIMIT);
    if let Some(consumers) = consumers {
        consumers.drain(deadline.left(DRAIN)).await;
    }
    running.wait().await;
    Ok(())
}

/// A broker that refuses us is a fault to be told at once; one that is away is waited for.
async fn consume(running: &Running, broker: AmqpSettings, shutdown: &Shutdown) -> anyhow::Result<AmqpConsumers> {
    amqp::check_at_start(&broker, &[Role::Consumer(&running.consumer_settings())]).await.context("AMQP_URI")?;
    let consumers = AmqpConsumers::new(broker, running.metrics(), shutdown.clone());
    consumers.subscribe(running.consumer_settings(), running.consumer())?;
    let watched = consumers.clone();
    running.report_in_flight(move |queue| watched.in_flight_report(queue));
    let watched = consumers.clone();
    // Reads work without the broker: events wait.
    running.readiness().watch("broker", move || {
        let state = watched.state();
        Box::pin(async move { state })
    });
    Ok(consumers)
}

async fn healthcheck(settings: &Settings) -> anyhow::Result<()> {
    let result = service_kit::http::healthcheck(settings.bind, &settings.tls).await;
    result.map_err(|reason| anyhow!("LOG_BIND: {reason}"))
}

fn print_document() -> anyhow::Result<()> {
    let document = log_service::http::document().to_pretty_json()?;
    writeln!(std::io::stdout(), "{document}")?;
    Ok(())
}
