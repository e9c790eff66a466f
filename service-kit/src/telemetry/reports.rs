//! Error reports for a tracker that speaks Sentry's protocol: each line at ERROR is one, with its fields, the release and the
//! environment. They hold the content of the log and nothing more; up to 30 wait for a slow tracker, further ones are dropped,
//! and only the end of the process ever waits for them, for a second.

use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use sentry::{ClientInitGuard, ClientOptions};

use super::TelemetryError;
use crate::config::{Faults, Secret};

pub(super) const LAST_WAIT: Duration = Duration::from_secs(1);

/// The destination of error reports.
#[derive(Debug, Clone, Default, Args)]
pub struct ReportOptions {
    /// Report errors to a tracker that speaks Sentry's protocol: its DSN
    #[arg(long, env = "SENTRY_DSN", value_name = "DSN", hide_env_values = true, global = true)]
    pub sentry_dsn: Option<Secret>,

    /// The environment that reports name, such as `production`
    #[arg(long, env = "SENTRY_ENVIRONMENT", value_name = "NAME", global = true)]
    pub sentry_environment: Option<String>,
}

impl ReportOptions {
    fn dsn(&self) -> Option<&str> {
        self.sentry_dsn.as_ref().map(Secret::expose).filter(|dsn| !dsn.is_empty())
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        if self.dsn().is_some_and(|dsn| !is_dsn(dsn)) {
            faults.add(TelemetryError::Dsn.to_string());
        }
    }
}

fn is_dsn(text: &str) -> bool {
    text.parse::<sentry::types::Dsn>().is_ok()
}

/// Kept for the whole process: dropping it ends the reports.
static CLIENT: OnceLock<ClientInitGuard> = OnceLock::new();

/// Starts reporting, if a tracker is named. The release is the program's name and version.
pub(super) fn start(options: &ReportOptions) -> Result<bool, TelemetryError> {
    let Some(dsn) = options.dsn() else { return Ok(false) };
    if !is_dsn(dsn) {
        return Err(TelemetryError::Dsn);
    }
    let release = format!("{}@{}", super::program(), env!("CARGO_PKG_VERSION"));
    let mut client = ClientOptions::new().dsn(dsn).release(release).shutdown_timeout(LAST_WAIT);
    if let Some(environment) = options.sentry_environment.clone().filter(|name| !name.is_empty()) {
        client = client.environment(environment);
    }
    let client = sentry::init(client);
    Ok(CLIENT.set(client).is_ok())
}

/// Waits a little until the last reports are sent.
pub(super) fn flush() {
    if let Some(client) = CLIENT.get() {
        client.flush(Some(LAST_WAIT));
    }
}
