//! A folder in which a binary runs with an environment of its own, and its output.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use test_support::found;

/// The time limit for any refusal.
const LIMIT: Duration = Duration::from_secs(30);
/// The password of all wrong configurations: no output may show it.
const SECRET: &str = "hunter2";

/// A variable of the environment, which has the servers' addresses.
#[expect(clippy::disallowed_methods, reason = "the servers' addresses are not a service's configuration")]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by deploy/local/with.sh"))
}

pub struct Place {
    program: &'static Path,
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Place {
    /// `program` is a `CARGO_BIN_EXE_…`.
    pub fn new(program: &'static str, variables: &[(&'static str, &str)]) -> Self {
        let mut variables: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        variables.insert("RUST_LOG", "error".to_owned());
        Self { program: Path::new(program), folder: TempDir::new().unwrap(), variables }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end, which has to come soon.
    pub fn run(&self, arguments: &[&str]) -> Output {
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
    pub fn start(&self) -> Server {
        Server(self.command(&[]).spawn().unwrap())
    }

    /// Starts it on an address of its own, with a broker at which nothing listens. Returns the status of `/readyz` and its
    /// dependencies once the broker is reported as down; requests are answered all the same.
    pub async fn readiness_without_broker(self, bind: &'static str) -> (u16, Value) {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let place = self.with(bind, &address).with("AMQP_URI", "amqp://bank:secret@127.0.0.1:1/%2f");
        let _server = place.start();
        let readiness = found("the broker is down", Duration::from_mins(1), async || {
            let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
            let status = answer.status().as_u16();
            let report: Value = answer.json().await.ok()?;
            let dependencies = report["dependencies"].clone();
            (dependencies["broker"] == "down").then_some((status, dependencies))
        });
        let (readiness, _) = readiness.await;
        assert_eq!(reqwest::get(format!("http://{address}/ping")).await.unwrap().status(), 200);
        readiness
    }

    /// The one line of a failed start.
    pub fn refusal(&self) -> String {
        let output = self.run(&[]);
        let text = String::from_utf8(output.stderr).unwrap();
        let name = self.program.file_name().and_then(|name| name.to_str()).unwrap();
        assert!(!output.status.success() && output.status.code().is_some(), "{:?}: {text}", output.status);
        assert!(text.lines().count() == 1 && text.starts_with(&format!("{name}: ")), "not one line:\n{text}");
        assert!(!text.contains(SECRET) && !text.contains("panicked"), "{text}");
        text
    }

    /// The line in which `doctor` reports a fault of a variable.
    pub fn diagnosis(&self, variable: &str) -> String {
        let output = self.run(&["doctor"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains(SECRET), "{text}");
        let line = text.lines().find(|line| line.starts_with("FAIL") && line.contains(variable));
        line.unwrap_or_else(|| panic!("doctor finds nothing wrong with {variable}:\n{text}")).to_owned()
    }
}

/// Killed when dropped.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
