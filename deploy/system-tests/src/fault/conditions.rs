//! The state of each process and of the broker, printed last: a reader of a fault elsewhere needs it when the machine is gone.

use std::path::Path;

use crate::fault_env::FaultEnv;
use crate::process::Process;

/// The last lines of each log and list.
const LINES: usize = 4;
const LONGEST: usize = 300;

pub(crate) async fn collect(env: &FaultEnv<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for process in env.processes.values().chain(env.seconds.values()) {
        lines.push(format!("{} says: {}", process.name(), readiness(env, process).await));
        lines.extend(warnings(&process.log_file()).into_iter().map(|line| format!("{}: {line}", process.name())));
    }
    lines.extend(broker(env).await);
    lines.iter().map(|line| line.chars().take(LONGEST).collect()).collect()
}

async fn readiness(env: &FaultEnv<'_>, process: &Process) -> String {
    match env.ledger.http.get(format!("{}/readyz", process.url())).send().await {
        Ok(answer) => answer.text().await.unwrap_or_else(|error| error.to_string()),
        Err(error) => format!("nothing ({error})"),
    }
}

fn warnings(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| format!("WARN no log: {error}"));
    let serious = |line: &&str| line.contains("WARN") || line.contains("ERROR") || line.contains("panicked");
    let mut lines: Vec<String> = text.lines().filter(serious).rev().take(LINES).map(str::to_owned).collect();
    lines.reverse();
    lines
}

/// Queues that hold something or do not run, connections that wait, alarms, and the last warnings of the log.
async fn broker(env: &FaultEnv<'_>) -> Vec<String> {
    let queues = ["list_queues", "-p", &env.namespace, "--no-table-headers", "name", "state", "messages", "consumers"];
    let mut lines = rabbitmqctl_lines(env, &queues, |line| line.contains("\trunning\t0\t")).await;
    let connections = ["list_connections", "--no-table-headers", "name", "state"];
    lines.extend(rabbitmqctl_lines(env, &connections, |line| line.ends_with("\trunning")).await);
    lines.extend(rabbitmqctl_lines(env, &["eval", "rabbit_alarm:get_alarms()."], |line| line == "[]").await);
    lines.extend(env.cluster.servers.broker_log(LINES));
    lines.iter().map(|line| format!("broker: {line}")).collect()
}

/// The broker's output, without the lines that are as usual.
async fn rabbitmqctl_lines(env: &FaultEnv<'_>, arguments: &[&str], is_usual: fn(&str) -> bool) -> Vec<String> {
    let output = env.cluster.servers.rabbitmqctl(arguments).await.unwrap_or_else(|error| format!("{error:#}"));
    output.lines().filter(|line| !is_usual(line)).take(LINES * 2).map(str::to_owned).collect()
}
