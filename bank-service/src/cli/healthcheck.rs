//! `healthcheck`: checks whether the running service is ready. Container runtimes call it repeatedly.

use std::process::ExitCode;

use anyhow::anyhow;
use service_kit::config::Faults;

use crate::config::Config;

/// Reads `BANK_BIND` and `TLS` only: the running service checks the rest of the configuration, except values that cannot be
/// read.
pub(super) fn run(config: &Config, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let tls = config.tls.check(&mut faults);
    faults.finish()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(service_kit::http::healthcheck(config.bind, &tls))
        .map_err(|reason| anyhow!("BANK_BIND: {reason}"))?;
    Ok(ExitCode::SUCCESS)
}
