//! The whole system in one process: bank-service, log-service and email-service on SQLite files, events in process, mails in a
//! folder. It needs no server to install; all data is in the data folder.
//!
//! Events are as durable as in production: the outbox row is marked sent only when every subscriber is done with it, so the
//! process may be killed at any time and resumes where it ended.

mod banner;
mod configs;
mod demo;
mod demo_money;
mod folder;
mod options;
mod secrets;
mod system;

use std::io::Write;
use std::process::ExitCode;

use service_kit::config::{ConfigError, EXIT_REFUSED, Faults, Parsed, print_warnings};
use service_kit::http::causes;
use service_kit::lifecycle::block_on;
use service_kit::telemetry::{self, TelemetryError};

use crate::options::Options;

/// Returns memory after a burst, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Parsed { options, faults } = service_kit::config::parse::<Options>();
    let result = block_on(start(options, faults));
    telemetry::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Checks everything, and only then begins to write, to the log first of all.
async fn start(options: Options, faults: Faults) -> anyhow::Result<()> {
    configs::check(&options, faults)?;
    telemetry::init(&options.log_settings())?;
    system::run(options).await
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(refused) = error.downcast_ref::<ConfigError>() {
        print_warnings("bank-standalone", refused.warnings());
    }
    // Standard error may be closed.
    writeln!(std::io::stderr(), "bank-standalone: {}", causes(error.as_ref())).ok();
    let is_refused = error.is::<ConfigError>() || error.is::<TelemetryError>() || error.is::<system::NoAdministrator>();
    if is_refused { ExitCode::from(EXIT_REFUSED) } else { ExitCode::FAILURE }
}
