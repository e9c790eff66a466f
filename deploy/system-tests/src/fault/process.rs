//! The three real processes: started on ports of their own, armed to die at a fail point, killed, terminated.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stand_ins::ports::is_free;
use tokio::process::{Child, Command};

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Bank,
    Log,
    Email,
}

impl Service {
    pub(crate) const ALL: [Self; 3] = [Self::Bank, Self::Log, Self::Email];

    /// The variable of its own address.
    pub(crate) fn bind_variable(self) -> &'static str {
        match self {
            Self::Bank => "BANK_BIND",
            Self::Log => "LOG_BIND",
            Self::Email => "EMAIL_BIND",
        }
    }

    pub(crate) fn binary(self) -> &'static str {
        match self {
            Self::Bank => "bank-service",
            Self::Log => "log-service",
            Self::Email => "email-service",
        }
    }
}

/// The launch of a process; the same at each start except for the armed point.
#[derive(Debug, Clone)]
pub(crate) struct LaunchSpec {
    pub(crate) service: Service,
    pub(crate) binary: PathBuf,
    /// Its working directory, with its log.
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) environment: BTreeMap<&'static str, String>,
}

/// A process, or the slot of one that has died.
pub(crate) struct Process {
    pub(crate) spec: LaunchSpec,
    child: Option<Child>,
}

impl Process {
    pub(crate) fn new(spec: LaunchSpec) -> Self {
        Self { spec, child: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.spec.port)
    }

    /// Starts it, to die at the n-th pass of a fail point if one is given; does not wait until it is ready.
    pub(crate) fn launch(&mut self, fail_point: Option<&str>) -> anyhow::Result<()> {
        let spec = &self.spec;
        // Otherwise another listener there would pass for this process, which could not start.
        if !is_free(spec.port) {
            bail!("the port {} of {} is somebody else's", spec.port, self.name());
        }
        let mut command = Command::new(&spec.binary);
        command.env_clear().envs(&spec.environment).current_dir(&spec.folder).kill_on_drop(true);
        command.env("PATH", "/usr/bin:/bin");
        if let Some(point) = fail_point {
            command.env("FAIL_POINT", point);
        }
        let log = append(&self.log_file())?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        self.child = Some(child.with_context(|| format!("{} cannot be started", spec.binary.display()))?);
        Ok(())
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.spec.folder.join(format!("{}-{}.log", self.spec.service.binary(), self.spec.port))
    }

    /// Waits until it answers, or has died at its fail point already.
    pub(crate) async fn answers(&mut self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let url = format!("{}/livez", self.url());
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            let answered = client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
            match self.exited()? {
                Some(status) if status.signal().is_some() => return Ok(()),
                Some(status) => bail!("{} ended at its start: {status}; {}", self.name(), self.last_words()),
                None if answered => return Ok(()),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        bail!("{} does not answer at {url}", self.name())
    }

    pub(crate) fn name(&self) -> &'static str {
        self.spec.service.binary()
    }

    pub(crate) fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.as_mut().context("no process")?.try_wait()?)
    }

    /// Waits until the process has died at its fail point; false if it is still alive after the limit.
    pub(crate) async fn died(&mut self, limit: Duration) -> anyhow::Result<bool> {
        let child = self.child.as_mut().context("no process")?;
        let Ok(status) = tokio::time::timeout(limit, child.wait()).await else { return Ok(false) };
        let status = status?;
        if status.signal().is_none() {
            bail!("{} ended with {status} instead of dying; {}", self.name(), self.last_words());
        }
        Ok(true)
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM; answers how it ended and how long that took. An error if it did not end by itself in time.
    pub(crate) async fn terminate(&mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let name = self.name();
        let mut child = self.child.take().context("no process")?;
        let pid = child.id().context("the process has ended already")?;
        let begun = Instant::now();
        Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await?;
        let ended = tokio::time::timeout(STOP_LIMIT.saturating_mul(3), child.wait()).await;
        let status = ended.with_context(|| format!("{name} does not end after SIGTERM"))??;
        Ok((status, begun.elapsed()))
    }

    /// Runs one command of the binary to its end.
    pub(crate) async fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.output(arguments).await?;
        if !output.status.success() {
            bail!("{} {arguments:?}: {}", self.name(), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// The output of one command of the binary, however it ends.
    pub(crate) async fn output(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let spec = &self.spec;
        let mut command = Command::new(&spec.binary);
        command.args(arguments).env_clear().envs(&spec.environment).current_dir(&spec.folder);
        let ended = tokio::time::timeout(START_LIMIT, command.kill_on_drop(true).stdin(Stdio::null()).output()).await;
        Ok(ended.with_context(|| format!("{} {arguments:?} does not end", self.name()))??)
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

fn append(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).with_context(|| path.display().to_string())
}
