//! `init` and `create-admin`.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use service_kit::clock::SystemClock;
use service_kit::config::Secret;
use service_kit::telemetry::Metrics;

use super::say;
use crate::app;
use crate::config::Config;
use crate::http::AppState;
use crate::operations::identity::AdminOutcome;

const PASSWORD_BYTES: u64 = 1024;

pub(super) fn init(config: Config) -> anyhow::Result<ExitCode> {
    let Some(email) = config.admin_email.clone() else {
        bail!("ADMIN_EMAIL: not set; expected the administrator's address");
    };
    let Some(password) = config.admin_pass.clone() else {
        bail!("ADMIN_PASS: not set; expected the administrator's password, or ADMIN_PASS_FILE");
    };
    with_state(Config { migrate_on_start: true, ..config }, async |state| make(&state, &email, &password).await)
}

pub(super) fn create_admin(config: Config, email: &str) -> anyhow::Result<ExitCode> {
    let password = match config.admin_pass.clone() {
        Some(password) => password,
        None => read_password()?,
    };
    with_state(config, async |state| make(&state, email, &password).await)
}

fn read_password() -> anyhow::Result<Secret> {
    if std::io::stdin().is_terminal() {
        bail!("ADMIN_PASS: not set; set it, or write the password to standard input");
    }
    let mut text = String::new();
    std::io::stdin().take(PASSWORD_BYTES).read_to_string(&mut text).context("the password on standard input")?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

async fn make(state: &AppState, email: &str, password: &Secret) -> anyhow::Result<()> {
    match state.ensure_admin(email, password).await? {
        AdminOutcome::Created(id) => say(format_args!("administrator {email} created with ID {id}"))?,
        AdminOutcome::Promoted(id) => {
            say(format_args!("user {id} ({email}) is an administrator now; the password is unchanged"))?;
        }
        AdminOutcome::Unchanged(id) => say(format_args!("user {id} ({email}) is an administrator already"))?,
    }
    Ok(())
}

pub(super) fn with_state(
    config: Config,
    f: impl AsyncFnOnce(AppState) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let state = app::prepare(config.check()?, Arc::new(SystemClock), Metrics::new("bank-service")).await?;
        f(state).await
    })?;
    Ok(ExitCode::SUCCESS)
}
