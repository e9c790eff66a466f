//! The email-service process.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use cli::{Cli, run};
use service_kit::config::{ConfigError, EXIT_REFUSED, Parsed, print_warnings};
use service_kit::http::causes;
use service_kit::lifecycle::block_on;
use service_kit::telemetry::TelemetryError;

/// Returns memory after a burst, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Parsed { options, faults } = service_kit::config::parse::<Cli>();
    let code = block_on(run(options, faults)).unwrap_or_else(|error| fail(&error));
    service_kit::telemetry::flush();
    code
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(refused) = error.downcast_ref::<ConfigError>() {
        print_warnings("email-service", refused.warnings());
    }
    // The log may not be set up yet; standard error may be closed too.
    writeln!(std::io::stderr(), "email-service: {}", causes(error.as_ref())).ok();
    let is_refused = error.is::<ConfigError>() || error.is::<TelemetryError>();
    if is_refused { ExitCode::from(EXIT_REFUSED) } else { ExitCode::FAILURE }
}
