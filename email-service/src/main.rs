//! The email-service process.

mod cli;

use std::process::ExitCode;

use cli::{Cli, run};
use service_kit::config::Parsed;
use service_kit::lifecycle::block_on;
use service_kit::process::fail;

/// Returns memory after a burst, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Parsed { options, faults } = service_kit::config::parse::<Cli>();
    let code = block_on(run(options, faults)).unwrap_or_else(|error| fail("email-service", error.as_ref()));
    service_kit::telemetry::flush();
    code
}
