//! The cases, each with databases, queues and processes of its own.

mod alerts;
mod bank_created;
mod dead_letters;
mod duplicates;
mod frozen;
mod journeys;
mod kill_points;
mod order;
mod outages;
mod planted_money;
mod poison;
mod random_kills;
mod replicas;
pub(crate) mod self_check;
mod silence;
mod storm;
mod terminate;
mod unaccounted_check;

use std::time::Duration;

use anyhow::Context as _;

use crate::check::Findings;
use crate::conditions;
use system_tests::print_line;

use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::process::Service;

/// The size of each case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Rounds over all fail points.
    pub(crate) rounds: u32,
    /// Kills at random moments.
    pub(crate) random_kills: u32,
    /// Outages of each server, half of them by kill -9.
    pub(crate) outages: u32,
    pub(crate) longest_outage: Duration,
}

/// The result of a case, for the sums at the end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) kills: u32,
    pub(crate) mail_gaps: u32,
    pub(crate) findings: Findings,
    /// Of a case with faults: the reports of the processes and the broker.
    pub(crate) conditions: Vec<String>,
}

/// The names of all cases, in the order in which they are run.
pub(crate) const NAMES: &[&str] = &[
    "kill-points",
    "random-kills",
    "outages",
    "silence",
    "frozen",
    "duplicates",
    "dead-letters",
    "terminate",
    "replicas",
    "alerts",
    "bank-created",
    "poison",
    "storm",
];

/// Those that mostly wait, and disturb no shared server: they run in parallel.
pub(crate) const QUIET: &[&str] = &["bank-created", "poison", "storm"];

pub(crate) async fn run(name: &str, cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    match name {
        "kill-points" => kill_points::run(cluster, extent).await,
        "random-kills" => random_kills::run(cluster, extent).await,
        "outages" => outages::run(cluster, extent).await,
        "silence" => silence::run(cluster, extent).await,
        "frozen" => frozen::run(cluster, extent).await,
        "storm" => storm::run(cluster, extent).await,
        "bank-created" => bank_created::run(cluster, extent).await,
        "duplicates" => duplicates::run(cluster, extent).await,
        "poison" => poison::run(cluster, extent).await,
        "dead-letters" => dead_letters::run(cluster, extent).await,
        "replicas" => replicas::run(cluster, extent).await,
        "terminate" => terminate::run(cluster, extent).await,
        "alerts" => alerts::run(cluster, extent).await,
        _ => anyhow::bail!("there is no case {name:?}; known are {}", NAMES.join(", ")),
    }
}

/// Has the ledger checked, closes an environment and adds up its results.
async fn finish(env: FaultEnv<'_>, mut findings: Findings) -> anyhow::Result<Outcome> {
    for fault in unsound(&env).await? {
        print_line(&format!("{}: FAULT {fault}", env.name));
        findings.faults.push(fault);
    }
    let conditions = if findings.faults.is_empty() { Vec::new() } else { conditions::collect(&env).await };
    let outcome = Outcome { kills: env.kills.values().sum(), mail_gaps: env.mail_gaps, findings, conditions };
    let odd = env.ledger.odd();
    if !odd.is_empty() {
        print_line(&format!("{}: answers of 5xx other than 503: {odd:?}", env.name));
    }
    env.close(!outcome.findings.faults.is_empty()).await?;
    Ok(outcome)
}

/// The faults that bank-service finds in its ledger: each violation of `ledger verify`, and whether debits and credits differ.
async fn unsound(env: &FaultEnv<'_>) -> anyhow::Result<Vec<String>> {
    let bank = env.processes.get(&Service::Bank).context("no bank-service")?;
    let mut faults = Vec::new();
    for arguments in [&["ledger", "verify", "--full"][..], &["ledger", "trial-balance"][..]] {
        let output = bank.output(arguments).await?;
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            faults.push(format!("{}: {}", arguments.join(" "), String::from_utf8_lossy(&text).trim()));
        }
    }
    Ok(faults)
}
