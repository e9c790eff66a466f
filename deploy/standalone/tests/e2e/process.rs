//! The process under test: the real binary on free ports, with data, working directory and environment of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::api::Api;
use crate::mailbox::Mailbox;

pub(crate) const ADMIN: &str = "admin@bank.localhost";
/// Ready within this time even in a debug build on a busy machine.
pub(crate) const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The call at the end of the banner.
const LAST_LINE: &str = "/api/logs?event_type=bank.created";

/// A folder for all files of a test's processes. The process makes the data folder inside.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.data().join("mailbox"))
    }

    /// The command that starts the system here, without limits on logins.
    pub(crate) fn command(&self) -> Command {
        self.command_with(&self.flags())
    }

    fn flags(&self) -> [(String, String); 4] {
        let data = self.data().display().to_string();
        let any = "127.0.0.1:0".to_owned();
        [("bank-bind", any.clone()), ("log-bind", any.clone()), ("email-bind", any), ("data-dir", data)]
            .map(|(flag, value)| (format!("--{flag}"), value))
    }

    fn command_with(&self, flags: &[(String, String)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank-standalone"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RATE_LOGIN_PER_MINUTE", "0")
            .env("RATE_REGISTER_PER_HOUR", "0")
            .current_dir(self.path())
            .args(flags.iter().flat_map(|(flag, value)| [flag, value]))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn start(&self) -> Standalone {
        self.start_with(|_| {}).await
    }

    /// Starts the system and returns once its banner is there.
    pub(crate) async fn start_with(&self, change: impl FnOnce(&mut Command)) -> Standalone {
        let errors = File::options().create(true).append(true).open(self.path().join("stderr")).unwrap();
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(errors);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let banner = timeout(START_LIMIT, read_banner(&mut lines)).await.unwrap_or_default();
        assert!(banner.contains(LAST_LINE), "no banner:\n{banner}\n{}", self.errors());
        let urls = Urls::in_banner(&banner);
        Standalone { child, _lines: lines, banner, urls }
    }

    /// Runs the system when it should end by itself at once.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command();
        command.args(args);
        output(command).await
    }

    /// The same with another value for one of the flags that are always given.
    pub(crate) async fn run_replacing(&self, flag: &str, value: &str) -> Output {
        self.run_with(&[(flag, value)]).await
    }

    /// The same with several, of other flags too.
    pub(crate) async fn run_with(&self, values: &[(&str, &str)]) -> Output {
        let mut flags = self.flags().to_vec();
        flags.retain(|(name, _)| values.iter().all(|(flag, _)| flag != name));
        flags.extend(values.iter().map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())));
        output(self.command_with(&flags)).await
    }

    /// The standard error output so far.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(self.path().join("stderr")).unwrap_or_default()
    }
}

async fn output(mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    timeout(START_LIMIT, command.output()).await.expect("the process did not end").unwrap()
}

async fn read_banner(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let mut banner = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        banner.push_str(&line);
        banner.push('\n');
        if line.contains(LAST_LINE) {
            break;
        }
    }
    banner
}

#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) bank: String,
    pub(crate) log: String,
    pub(crate) email: String,
}

impl Urls {
    fn in_banner(banner: &str) -> Self {
        let url = |service: &str| {
            let line = banner.lines().find(|line| line.trim_start().starts_with(service)).expect(service);
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        Self { bank: url("bank-service"), log: url("log-service"), email: url("email-service") }
    }

    pub(crate) fn all(&self) -> [&str; 3] {
        [&self.bank, &self.log, &self.email]
    }
}

/// The running system. Killed when dropped.
pub(crate) struct Standalone {
    child: Child,
    /// Held open: a write to a closed pipe must not fail the process.
    _lines: Lines<BufReader<ChildStdout>>,
    pub(crate) banner: String,
    pub(crate) urls: Urls,
}

impl Standalone {
    /// The administrator's password, if the banner shows one.
    pub(crate) fn password(&self) -> Option<&str> {
        let line = self.banner.lines().find(|line| line.trim_start().starts_with("administrator")).unwrap();
        line.split_once("password ").map(|(_, password)| password.trim()).filter(|rest| !rest.contains(' '))
    }

    /// The API as the administrator sees it. Only at a first start, when the password is shown.
    pub(crate) async fn admin(&self) -> Api {
        Api::login(&self.urls, ADMIN, self.password().expect("a password in the banner")).await
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends SIGTERM; [`Standalone::ended`] checks how the process ended.
    pub(crate) async fn send_sigterm(&self) {
        let pid = self.child.id().unwrap().to_string();
        let status = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await.unwrap();
        assert!(status.success());
    }

    pub(crate) async fn exited(mut self) -> ExitStatus {
        timeout(STOP_LIMIT, self.child.wait()).await.expect("no end within 10 s of SIGTERM").unwrap()
    }

    /// SIGTERM; the process has to end by itself, in time and without an error.
    pub(crate) async fn terminate(self) {
        self.send_sigterm().await;
        let status = self.exited().await;
        assert!(status.success(), "{status}");
    }
}
