//! The command line of log-service.

mod doctor;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use log_service::config::{Config, Settings};
use log_service::{app, http};
use service_kit::config::Faults;
use service_kit::doctor::Doctor;
use service_kit::http::openapi;
use service_kit::http::server::check_address;
use service_kit::process::{Parts, consume, drain_at_shutdown};
use service_kit::telemetry::{self, LogSettings};

/// Records the events of the other services once each and serves them over HTTP.
#[derive(Parser)]
#[command(version, after_help = "Variables are also read from a file .env in the working directory.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    config: Config,

    #[command(flatten)]
    log: LogSettings,
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

/// Checks all that a command needs, and only then begins to write, to the log first of all.
pub(crate) async fn run(cli: Cli, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let Cli { command, config, log } = cli;
    config.refuse_database_file(log.file.as_deref(), &mut faults);
    log.check(&mut faults);
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            if let Ok(bind) = config.log_bind.parse() {
                check_address("LOG_BIND", bind, &mut faults);
            }
            let settings = config.check_with(faults)?;
            telemetry::init(&log)?;
            serve(settings).await?;
        }
        Command::Openapi => {
            faults.finish()?;
            openapi::print(&http::document())?;
        }
        Command::Healthcheck => healthcheck(&config.check_with(faults)?).await?,
        Command::Doctor => {
            return match config.check_with(faults) {
                Ok(settings) => doctor::run(&settings).await,
                Err(error) => Ok(Doctor::refused(&error)?),
            };
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    if let Some(warning) = &settings.warning {
        tracing::warn!("{warning}");
    }
    let parts = Parts::of_process(&settings.jwks_url, &settings.peers);
    let broker = settings.broker.clone();
    let running = app::start(settings, parts.clone()).await?;
    let consumers = if let Some(broker) = broker {
        let queue = (running.consumer_settings(), running.consumer());
        let consumers = consume(broker, queue, &parts, running.readiness()).await?;
        let watched = consumers.clone();
        running.report_in_flight(move |queue| watched.in_flight_report(queue));
        Some(consumers)
    } else {
        tracing::warn!("AMQP_URI is not set: events come in by POST /api/logs only");
        None
    };
    drain_at_shutdown(&parts.shutdown, consumers).await;
    running.finish().await;
    Ok(())
}

async fn healthcheck(settings: &Settings) -> anyhow::Result<()> {
    let result = service_kit::http::healthcheck(settings.bind, &settings.tls).await;
    result.map_err(|reason| anyhow!("LOG_BIND: {reason}"))
}
