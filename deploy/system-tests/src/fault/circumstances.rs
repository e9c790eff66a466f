//! What a reader of the last lines needs when a fault was found elsewhere, where nobody can look any more: what each process
//! and the broker say of themselves.

use std::path::Path;

use crate::process::Process;
use crate::stage::Stage;

/// Of each log and list: the last that matter.
const LINES: usize = 4;
const LONGEST: usize = 300;

pub(crate) async fn gather(stage: &Stage<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for process in stage.processes.values().chain(stage.seconds.values()) {
        told.push(format!("{} says: {}", process.name(), readiness(stage, process).await));
        told.extend(warnings(&process.log_file()).into_iter().map(|line| format!("{}: {line}", process.name())));
    }
    told.extend(broker(stage).await);
    told.iter().map(|line| line.chars().take(LONGEST).collect()).collect()
}

async fn readiness(stage: &Stage<'_>, process: &Process) -> String {
    match stage.ledger.http.get(format!("{}/readyz", process.url())).send().await {
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
async fn broker(stage: &Stage<'_>) -> Vec<String> {
    let queues = ["list_queues", "-p", &stage.world, "--no-table-headers", "name", "state", "messages", "consumers"];
    let mut told = ask(stage, &queues, |line| line.contains("\trunning\t0\t")).await;
    let connections = ["list_connections", "--no-table-headers", "name", "state"];
    told.extend(ask(stage, &connections, |line| line.ends_with("\trunning")).await);
    told.extend(ask(stage, &["eval", "rabbit_alarm:get_alarms()."], |line| line == "[]").await);
    told.extend(stage.house.servers.broker_log(LINES));
    told.iter().map(|line| format!("broker: {line}")).collect()
}

/// What the broker answers, less the lines that are as they should be.
async fn ask(stage: &Stage<'_>, arguments: &[&str], is_usual: fn(&str) -> bool) -> Vec<String> {
    let said = stage.house.servers.rabbitmqctl(arguments).await.unwrap_or_else(|error| format!("{error:#}"));
    said.lines().filter(|line| !is_usual(line)).take(LINES * 2).map(str::to_owned).collect()
}
