//! The mail server of the measurements and the bare client, one against the other: the one counts what the other sends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BENCH: &str = env!("CARGO_BIN_EXE_bench");
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn every_mail_that_the_client_sends_is_counted_by_the_server() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut sink = Command::new(BENCH);
    let sink = sink.args(["sink", "--count", "40", "--listen", &address]).stdout(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(begun.elapsed() < LIMIT, "the sink does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new(BENCH).args(["lettre", "--count", "40", "--connections", "4", "--to", &address]).output();
    let rate = |output: std::process::Output| {
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().strip_prefix("rate=").unwrap_or_else(|| panic!("{text:?}")).parse::<u64>().unwrap()
    };
    assert!(rate(sent.unwrap()) > 0);
    assert!(rate(sink.wait_with_output().unwrap()) > 0);
}
