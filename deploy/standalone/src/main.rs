//! The whole system in one process: bank-service, log-service and email-service on SQLite files, events in process, mails in a
//! folder. No server to install; the data folder is all there is.
//!
//! Events are as durable as in production: the outbox row is marked sent only when every subscriber is done with it, so the
//! process may be killed at any time and goes on where it ended.

mod banner;
mod demo;
mod folder;
mod options;
mod secrets;
mod system;

use std::io::Write;
use std::process::ExitCode;

use service_kit::telemetry::{self, LogSettings};

use crate::options::Options;

/// Gives memory back after a flood, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_rt::main]
async fn main() -> ExitCode {
    let options: Options = service_kit::config::parse();
    let logs = LogSettings {
        format: options.log_format,
        level: options.log_level.clone(),
        file: options.log_file.clone(),
        reports: options.reports.clone(),
    };
    let result = match telemetry::init(&logs) {
        Ok(()) => system::run(options).await,
        Err(error) => Err(error.into()),
    };
    telemetry::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            writeln!(std::io::stderr(), "bank-standalone: {error:#}").ok();
            if error.is::<system::NoAdministrator>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
