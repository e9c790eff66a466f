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

use std::process::ExitCode;

use bank_service::app::StartError;
use service_kit::config::{EXIT_REFUSED, Faults, Parsed};
use service_kit::lifecycle::block_on;
use service_kit::process::fail;
use service_kit::telemetry;

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
        Err(error) => failed(&error),
    }
}

/// Checks everything, and only then begins to write, to the log first of all.
async fn start(options: Options, faults: Faults) -> anyhow::Result<()> {
    configs::check(&options, faults)?;
    telemetry::init(&options.log_settings())?;
    system::run(options).await
}

/// As the services, but for an administrator that is missing and a key that is not the database's: faults of the
/// settings, too.
fn failed(error: &anyhow::Error) -> ExitCode {
    let code = fail("bank-standalone", error.as_ref());
    let is_wrong_key = error.downcast_ref::<StartError>().is_some_and(StartError::is_wrong_key);
    let is_refused = is_wrong_key || error.is::<system::NoAdministrator>();
    if is_refused { ExitCode::from(EXIT_REFUSED) } else { code }
}
