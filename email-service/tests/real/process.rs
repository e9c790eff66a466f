//! The binary with an environment of its own.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Nothing that is wrong may take longer to be told.
const LIMIT: Duration = Duration::from_secs(30);

/// A configuration that starts, on a folder of its own.
pub(crate) struct Process {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Process {
    pub(crate) fn new() -> Self {
        let variables = BTreeMap::from([
            ("EMAIL_BIND", "127.0.0.1:0".to_owned()),
            ("MAIL_URL", "mailbox:mailbox".to_owned()),
            ("EMAIL_DATABASE_URL", "sqlite:email.sqlite".to_owned()),
            ("RUST_LOG", "error".to_owned()),
        ]);
        Self { folder: TempDir::new().unwrap(), variables }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.to_owned());
        self
    }

    /// Runs to the end, which has to come soon.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_email-service"));
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder.path());
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > LIMIT {
                child.kill().unwrap();
                panic!("{arguments:?} hangs: {:?}", child.wait_with_output().unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.wait_with_output().unwrap()
    }

    /// The one line that a start fails with.
    pub(crate) fn refusal(&self) -> String {
        let output = self.run(&[]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.status.code().is_some(), "{:?}: {text}", output.status);
        assert!(text.lines().count() == 1 && text.starts_with("email-service: "), "not one line:\n{text}");
        assert!(!text.contains("hunter2") && !text.contains("panicked"), "{text}");
        text
    }

    /// The line in which `doctor` finds fault with a variable.
    pub(crate) fn diagnosis(&self, variable: &str) -> String {
        let output = self.run(&["doctor"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        let line = text.lines().find(|line| line.starts_with("FAIL") && line.contains(variable));
        line.unwrap_or_else(|| panic!("doctor finds nothing wrong with {variable}:\n{text}")).to_owned()
    }
}
