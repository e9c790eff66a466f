//! The binary with an environment of its own.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Nothing that is wrong may take longer to be told.
const LIMIT: Duration = Duration::from_secs(30);

/// Tests are told by the environment where the servers are.
#[expect(clippy::disallowed_methods, reason = "the servers' addresses are not the service's configuration")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by deploy/local/with.sh"))
}

/// A configuration that starts, on a folder of its own.
pub(crate) struct Place {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let variables = BTreeMap::from([
            ("DATABASE_URL", format!("sqlite:{}", folder.path().join("bank.sqlite").display())),
            ("SECRET_KEY", "a key of the test suite, long enough to be taken".to_owned()),
            ("BANK_BIND", "127.0.0.1:0".to_owned()),
            ("RUST_LOG", "error".to_owned()),
        ]);
        Self { folder, variables }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end, which has to come soon.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let started = Instant::now();
        let mut child = self.command(arguments).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > LIMIT {
                child.kill().unwrap();
                panic!("{arguments:?} hangs: {:?}", child.wait_with_output().unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.wait_with_output().unwrap()
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(&self) -> Server {
        Server(self.command(&[]).spawn().unwrap())
    }

    /// The one line that a start fails with.
    pub(crate) fn refusal(&self) -> String {
        let output = self.run(&[]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.status.code().is_some(), "{:?}: {text}", output.status);
        assert!(text.lines().count() == 1 && text.starts_with("bank-service: "), "not one line:\n{text}");
        assert!(!text.contains("hunter2") && !text.contains("panicked"), "{text}");
        text
    }
}

/// Killed when dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
