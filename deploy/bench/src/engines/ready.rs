//! From the start of a process to its first answer that it is ready.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

const LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(2);

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The service's address, such as <http://127.0.0.1:5000>
    #[arg(long)]
    url: String,
    /// Where its output goes
    #[arg(long)]
    output: std::path::PathBuf,
    /// The command, which inherits the environment and goes on running
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

/// Prints the process's id and how long it took.
pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let output = std::fs::OpenOptions::new().create(true).append(true).open(&target.output)?;
    let Some((program, arguments)) = target.command.split_first() else { bail!("no command") };
    let http = service_kit::http::client(Duration::from_secs(1));
    let url = format!("{}/readyz", target.url);
    let begun = Instant::now();
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    while begun.elapsed() < LIMIT {
        if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(format!("pid={} ready_ms={}", child.id(), begun.elapsed().as_millis()));
        }
        if let Some(status) = child.try_wait()? {
            bail!("{program} ended with {status}; its output is in {}", target.output.display());
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("{program} is not ready after {} s", LIMIT.as_secs())
}
