//! The broker that the environment gives the tests, and private ones that a test may kill.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn variable(name: &str) -> String {
    let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
    value.unwrap_or_else(|| panic!("{name} is not set; run this by deploy/local/with.sh, which starts the servers"))
}

pub(crate) fn broker_uri() -> String {
    variable("AMQP_URI")
}

/// Runs `rabbitmqctl` on the given broker and returns its output.
pub(crate) fn rabbitmqctl(arguments: &[&str]) -> String {
    let output = Command::new(variable("RABBITMQ_CTL")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A broker of a single test.
pub(crate) struct PrivateBroker {
    run: PathBuf,
    pub(crate) uri: String,
}

impl PrivateBroker {
    pub(crate) fn start(name: &str) -> Self {
        let run = Path::new(&variable("REAL_SERVERS_ENV")).parent().unwrap().join(name);
        script("up.sh", &[&variable("BROKER_SERVER")], &run);
        let env = std::fs::read_to_string(run.join("env")).unwrap();
        let uri = env.lines().find_map(|line| line.strip_prefix("AMQP_URI=")).unwrap().to_owned();
        Self { run, uri }
    }

    /// Ends the broker as a crash would.
    pub(crate) fn kill(&self) {
        script("down.sh", &["--kill", &variable("BROKER_SERVER")], &self.run);
    }

    /// Stops the broker cleanly.
    pub(crate) fn stop(&self) {
        script("down.sh", &["--keep"], &self.run);
    }

    /// Starts the broker again on the same port, with the same data.
    pub(crate) fn start_again(&self) {
        script("up.sh", &[&variable("BROKER_SERVER")], &self.run);
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        // After a failure the broker's log is of interest.
        let arguments: &[&str] = if std::thread::panicking() { &["--keep"] } else { &[] };
        script("down.sh", arguments, &self.run);
    }
}

fn script(name: &str, arguments: &[&str], run: &Path) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/local").join(name);
    let status = Command::new(path).args(arguments).env("LOCAL_RUN_DIR", run).status().unwrap();
    assert!(status.success(), "{name} {arguments:?}: {status}");
}
