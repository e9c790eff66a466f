//! A process of ours, with an environment of its own, killed when dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::binaries;

const START_LIMIT: Duration = Duration::from_mins(1);

pub(crate) type Environment = Vec<(String, String)>;

pub(crate) fn environment<const N: usize>(pairs: [(&str, String); N]) -> Environment {
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

pub(crate) struct Process {
    child: Child,
    pub(crate) log: PathBuf,
}

pub(crate) fn command(binary: &str, folder: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(binaries::path(binary));
    let environment = environment.iter().map(|(name, value)| (name, value));
    command.env_clear().envs(environment).current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
    command
}

impl Process {
    /// Starts it, and waits until it answers at `url`.
    pub(crate) async fn start(binary: &str, folder: &Path, environment: &Environment, url: &str) -> Self {
        let log = folder.join(format!("{binary}.log"));
        let mut command = command(binary, folder, environment);
        command.env("RUST_LOG", "info,bank_service=trace,email_service=trace,log_service=trace,service_kit=trace");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let mut process = Self { child: command.spawn().unwrap(), log };
        let begun = Instant::now();
        while !is_live(url).await {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < START_LIMIT, "{binary}: {ended:?}\n{}", process.last_words());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.get(text.len().saturating_sub(2_000)..).unwrap_or_default().to_owned()
    }
}

async fn is_live(url: &str) -> bool {
    let client = service_kit::http::client(Duration::from_secs(2));
    client.get(format!("{url}/livez")).send().await.is_ok_and(|answer| answer.status().is_success())
}

/// Runs a command of a binary to its end; returns its output.
pub(crate) async fn run(binary: &str, arguments: &[&str], folder: &Path, environment: &Environment) -> String {
    let output = command(binary, folder, environment).args(arguments).output().await.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{binary} {arguments:?}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
    stdout
}
