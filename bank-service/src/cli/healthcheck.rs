//! `healthcheck`: is the service that runs here ready? What a container runtime asks again and again.

use std::process::ExitCode;

use anyhow::anyhow;
use service_kit::config::Faults;

use crate::config::Config;

/// Looks at `BANK_BIND` and `TLS` only: the rest of the configuration is the running service's affair, but for values that
/// cannot be read.
pub(super) fn run(config: &Config, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let tls = config.tls.check(&mut faults);
    faults.finish()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(service_kit::http::healthcheck(config.bind, &tls))
        .map_err(|reason| anyhow!("BANK_BIND: {reason}"))?;
    Ok(ExitCode::SUCCESS)
}
