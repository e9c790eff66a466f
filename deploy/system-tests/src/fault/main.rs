//! `fault-test`: the three real processes on real servers, under load, with every known kind of fault; then a checker that knows
//! the system only from outside compares the clients' answers with its state.
//!
//! The servers are those of `deploy/local`, in the environment; the binaries are built with the feature `fail-points`
//! (fault-test.sh does both). Every case has databases, queues and processes of its own. A seed repeats
//! the choices of a run, but not their timing on the machine.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is missing")]

mod cases;
mod check;
mod cluster;
mod conditions;
mod fault_env;
mod frames;
mod launch;
mod ledger;
mod load;
mod process;
mod proxy;
mod servers;
mod sink;
mod snapshot;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use futures_util::future::join_all;
use system_tests::print_line;

use crate::cases::{Extent, NAMES, Outcome, QUIET};
use crate::cluster::Cluster;
use crate::servers::Servers;

/// Of each case's faults, how many are told once more at the end.
const FAULTS_SHOWN: usize = 6;

/// Kill, cut off and confuse the three services on real servers, then check that nothing is lost, doubled or invented
#[derive(Debug, Parser)]
struct Options {
    /// The folder with the three binaries, built with the feature fail-points
    #[arg(long, value_name = "FOLDER")]
    binaries: PathBuf,
    /// Where the processes write their logs
    #[arg(long, value_name = "FOLDER", default_value = "target/fault-test/logs")]
    logs: PathBuf,
    /// Repeats the choices of another run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds over all fail points
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Kills at random moments
    #[arg(long, env = "KILLS", default_value_t = 15)]
    kills: u32,
    /// Outages of each server
    #[arg(long, default_value_t = 2)]
    outages: u32,
    /// How long the longest outage lasts
    #[arg(long, default_value_t = 4, value_name = "SECONDS")]
    longest_outage: u64,
    /// The Prometheus that evaluates the alerts; needed by the case `alerts`
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,
    /// Plant faults, and see that the checker finds them
    #[arg(long)]
    self_check: bool,
    /// Only these cases
    cases: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match run(Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print_line(&format!("fault-test: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<bool> {
    std::fs::create_dir_all(&options.logs).context("a folder for the logs")?;
    let cluster = Cluster {
        servers: Servers::from_environment()?,
        binaries: options.binaries.canonicalize().context("--binaries")?,
        folder: options.logs.canonicalize()?,
        prometheus: options.prometheus,
        seed: options.seed,
    };
    if options.self_check {
        return cases::self_check::run(&cluster).await;
    }
    let extent = Extent {
        rounds: options.rounds,
        random_kills: options.kills,
        outages: options.outages,
        longest_outage: Duration::from_secs(options.longest_outage),
    };
    let names: Vec<&str> =
        if options.cases.is_empty() { NAMES.to_vec() } else { options.cases.iter().map(String::as_str).collect() };
    let (quiet, loud): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| QUIET.contains(name));
    let mut outcomes = Vec::new();
    for name in loud {
        outcomes.push(case(name, &cluster, extent).await);
    }
    outcomes.extend(join_all(quiet.into_iter().map(|name| case(name, &cluster, extent))).await);
    Ok(sum_up(&cluster, &outcomes))
}

/// A case that cannot be carried through is a fault; the others are run all the same.
async fn case<'a>(name: &'a str, cluster: &Cluster, extent: Extent) -> (&'a str, Outcome) {
    let begun = Instant::now();
    let outcome = cases::run(name, cluster, extent).await.unwrap_or_else(|error| {
        print_line(&format!("{name}: FAULT {error:#}"));
        let mut outcome = Outcome::default();
        outcome.findings.faults.push(format!("{error:#}"));
        outcome
    });
    print_line(&format!("{name}: {} in {} s", summary(&outcome), begun.elapsed().as_secs()));
    (name, outcome)
}

fn summary(outcome: &Outcome) -> String {
    match outcome.findings.faults.len() {
        0 => "ok".to_owned(),
        faults => format!("{faults} FAULTS"),
    }
}

fn sum_up(cluster: &Cluster, outcomes: &[(&str, Outcome)]) -> bool {
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(|(_, outcome)| of(outcome)).sum::<usize>();
    let kills: u32 = outcomes.iter().map(|(_, outcome)| outcome.kills).sum();
    let gaps: u32 = outcomes.iter().map(|(_, outcome)| outcome.mail_gaps).sum();
    let in_gap = sum(|outcome| outcome.findings.doubled_in_gap);
    let faults = sum(|outcome| outcome.findings.faults.len());
    print_line(&format!(
        "fault-test: seed {}, kills {kills}, transfers {}, events {}, lost {}, invented {}, doubled {}, faults {faults}",
        cluster.seed,
        sum(|outcome| outcome.findings.transfers),
        sum(|outcome| outcome.findings.events),
        sum(|outcome| outcome.findings.lost),
        sum(|outcome| outcome.findings.invented),
        sum(|outcome| outcome.findings.doubled),
    ));
    // Again, and last: the end of a long log should show the reason too.
    for (name, outcome) in outcomes {
        let faults = &outcome.findings.faults;
        for fault in faults.iter().take(FAULTS_SHOWN) {
            print_line(&format!("fault-test: FAULT in {name}: {fault}"));
        }
        if faults.len() > FAULTS_SHOWN {
            print_line(&format!("fault-test: FAULT in {name}: and {} more", faults.len() - FAULTS_SHOWN));
        }
        for line in &outcome.conditions {
            print_line(&format!("fault-test: {name}: {line}"));
        }
    }
    let is_excused = u32::try_from(in_gap).is_ok_and(|mails| mails <= gaps);
    print_line(&format!(
        "fault-test: {in_gap} mails came twice under the same Message-ID, {} kills and lost answers in the gap: {gaps}",
        if is_excused { "no more than" } else { "FAULT: more than" },
    ));
    faults == 0 && is_excused
}
