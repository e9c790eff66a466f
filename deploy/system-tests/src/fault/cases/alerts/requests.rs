//! Requests that may fail, unlike those of the other cases: each is sent once.

use anyhow::{Context, bail};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fault_env::FaultEnv;
use crate::ledger::PASSWORD;
use crate::process::Service;

/// A request with an administrator's token; the status of its answer.
pub(super) async fn post(env: &FaultEnv<'_>, path: &str, body: &Value) -> anyhow::Result<StatusCode> {
    let bank = env.processes.get(&Service::Bank).context("no bank-service")?.url();
    let token = env.ledger.token().await.context("nobody gives a token")?;
    let request = env.ledger.http.post(format!("{bank}{path}")).bearer_auth(token).json(body);
    Ok(request.send().await.with_context(|| path.to_owned())?.status())
}

/// The same, where only one answer is right.
pub(super) async fn expect(status: StatusCode, env: &FaultEnv<'_>, path: &str, body: &Value) -> anyhow::Result<()> {
    let answered = post(env, path, body).await?;
    if answered != status {
        bail!("POST {path} was answered {answered}, not {status}");
    }
    Ok(())
}

/// So many logins at once, of addresses that no user has. Whether one is refused or gets no answer, it was tried.
pub(super) async fn guess_passwords(env: &FaultEnv<'_>, logins: usize) {
    join_all((0..logins).map(|number| guess(env, number))).await;
}

async fn guess(env: &FaultEnv<'_>, number: usize) {
    let login = json!({ "email": format!("stranger-{number}@example.com"), "password": PASSWORD });
    post(env, "/auth/login", &login).await.ok();
}

/// Starts a check of the whole ledger, unless one runs.
pub(super) async fn verify(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    expect(StatusCode::ACCEPTED, env, "/api/ledger/verify?full=true", &json!({})).await
}
