//! The process under test: started on fixed free ports, killed, started again on the same data.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stand_ins::ports::free_port;
use tokio::process::{Child, Command};

pub(crate) const ADMIN: &str = "admin@bank.localhost";
pub(crate) const PASSWORD: &str = "a password for the kill test";
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Standalone {
    binary: PathBuf,
    data: PathBuf,
    ports: [u16; 3],
}

#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) bank: String,
    pub(crate) log: String,
}

pub(crate) struct Process(Child);

impl Standalone {
    pub(crate) fn new(binary: &Path, data: &Path) -> Self {
        Self { binary: binary.to_owned(), data: data.to_owned(), ports: [(); 3].map(|()| free_port()) }
    }

    pub(crate) fn urls(&self) -> Urls {
        let [bank, log, _] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        Urls { bank, log }
    }

    /// Returns once bank-service and log-service answer.
    pub(crate) async fn start(&self) -> anyhow::Result<Process> {
        let [bank, log, email] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let child = Command::new(&self.binary)
            .args(["--bank-bind", &bank, "--log-bind", &log, "--email-bind", &email])
            .arg("--data-dir")
            .arg(&self.data)
            .env("ADMIN_EMAIL", ADMIN)
            .env("ADMIN_PASS", PASSWORD)
            .env("RATE_LOGIN_PER_MINUTE", "0")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.binary.display()))?;
        let mut process = Process(child);
        let urls = self.urls();
        for url in [urls.bank, urls.log] {
            process.wait_for(&format!("{url}/livez")).await?;
        }
        Ok(process)
    }
}

impl Process {
    async fn wait_for(&mut self, url: &str) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build()?;
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.0.try_wait()? {
                bail!("the process ended at its start: {status}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("{url} does not answer after {} s", START_LIMIT.as_secs())
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }

    /// SIGTERM; it has to end by itself, in time and with exit code 0.
    pub(crate) async fn terminate(mut self) -> anyhow::Result<()> {
        let pid = self.0.id().context("the process has ended already")?;
        Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await?;
        let status =
            tokio::time::timeout(STOP_LIMIT, self.0.wait()).await.context("no end within 10 s of SIGTERM")??;
        if !status.success() {
            bail!("SIGTERM ended the process with {status}");
        }
        Ok(())
    }
}
