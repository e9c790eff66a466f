//! The command line.

mod doctor;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use email_service::config::{Config, Settings};
use email_service::{app, http};
use service_kit::config::Faults;
use service_kit::doctor::Doctor;
use service_kit::http::openapi;
use service_kit::http::server::check_address;
use service_kit::messaging::amqp::AmqpPublisher;
use service_kit::process::{Parts, consume, drain_at_shutdown};

/// Turns events into mail and reports the mail server's answer.
#[derive(Debug, Parser)]
#[command(name = "email-service", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) config: Config,
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
    let Cli { command, config } = cli;
    let log = config.log.clone();
    config.refuse_database_file(&mut faults);
    log.check(&mut faults);
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            if let Ok(bind) = config.bind.parse() {
                check_address("EMAIL_BIND", bind, &mut faults);
            }
            let settings = config.check_with(faults)?;
            service_kit::telemetry::init(&log)?;
            serve(settings).await
        }
        Command::Openapi => {
            faults.finish()?;
            openapi::print(&http::document())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor => match config.check_with(faults) {
            Ok(settings) => doctor::run(&settings).await,
            Err(error) => Ok(Doctor::refused(&error)?),
        },
        Command::Healthcheck => healthcheck(&config.check_with(faults)?).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    if let Some(warning) = &settings.warning {
        tracing::warn!("{warning}");
    }
    let parts = Parts::of_process(&settings.jwks_url, &settings.peers);
    let broker = settings.broker.clone();
    let running = app::start(settings, parts.clone()).await?;
    let consumers = if let Some(broker) = broker {
        let publisher = AmqpPublisher::start(broker.clone(), &parts.metrics, parts.shutdown.clone());
        let queue = (running.consumer_settings(), running.consumer(Arc::new(publisher)));
        Some(consume(broker, queue, &parts, running.readiness()).await?)
    } else {
        tracing::warn!("AMQP_URI is not set: no events are consumed");
        None
    };
    drain_at_shutdown(&parts.shutdown, consumers).await;
    running.finish().await;
    Ok(ExitCode::SUCCESS)
}

async fn healthcheck(settings: &Settings) -> anyhow::Result<ExitCode> {
    let result = service_kit::http::healthcheck(settings.bind, &settings.tls).await;
    result.map_err(|reason| anyhow!("EMAIL_BIND: {reason}"))?;
    Ok(ExitCode::SUCCESS)
}
