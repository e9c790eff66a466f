//! The email-service process.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use cli::{Cli, run};

/// Gives memory back after a flood, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let code = run(service_kit::config::parse::<Cli>()).await.unwrap_or_else(|error| {
        // The log may not be set up yet; if stderr is gone too, there is nobody left to tell.
        drop(writeln!(std::io::stderr(), "email-service: {error:#}"));
        ExitCode::FAILURE
    });
    service_kit::telemetry::flush();
    code
}
