//! The cases, each in a world of its own.

mod accusers;
mod bank_created;
mod dead_letters;
mod duplicates;
mod frozen;
mod journeys;
mod kill_points;
mod order;
mod outages;
mod poison;
mod random_kills;
mod replicas;
pub(crate) mod self_check;
mod silence;
mod storm;
mod terminate;

use std::time::Duration;

use crate::check::Findings;
use crate::circumstances;
use system_tests::say;

use crate::stage::{House, Stage};

/// How much of each case is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Rounds over all fail points.
    pub(crate) rounds: u32,
    /// Kills at no point in particular.
    pub(crate) random_kills: u32,
    /// Outages of each server, half of them by kill -9.
    pub(crate) outages: u32,
    pub(crate) longest_outage: Duration,
}

/// What a case came to, for the sums at the end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) kills: u32,
    pub(crate) mail_gaps: u32,
    pub(crate) findings: Findings,
    /// Of a case with faults: what everybody said of themselves.
    pub(crate) circumstances: Vec<String>,
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
    "bank-created",
    "poison",
    "storm",
];

/// Those that mostly wait, and harm nothing that others use: they are run beside each other.
pub(crate) const QUIET: &[&str] = &["bank-created", "poison", "storm"];

pub(crate) async fn run(name: &str, house: &House, extent: Extent) -> anyhow::Result<Outcome> {
    match name {
        "kill-points" => kill_points::run(house, extent).await,
        "random-kills" => random_kills::run(house, extent).await,
        "outages" => outages::run(house, extent).await,
        "silence" => silence::run(house, extent).await,
        "frozen" => frozen::run(house, extent).await,
        "storm" => storm::run(house, extent).await,
        "bank-created" => bank_created::run(house, extent).await,
        "duplicates" => duplicates::run(house, extent).await,
        "poison" => poison::run(house, extent).await,
        "dead-letters" => dead_letters::run(house, extent).await,
        "replicas" => replicas::run(house, extent).await,
        "terminate" => terminate::run(house, extent).await,
        _ => anyhow::bail!("there is no case {name:?}; known are {}", NAMES.join(", ")),
    }
}

/// Ends a stage and adds up what it came to.
async fn finish(stage: Stage<'_>, findings: Findings) -> anyhow::Result<Outcome> {
    let circumstances = if findings.faults.is_empty() { Vec::new() } else { circumstances::gather(&stage).await };
    let outcome = Outcome { kills: stage.kills.values().sum(), mail_gaps: stage.mail_gaps, findings, circumstances };
    let odd = stage.ledger.odd();
    if !odd.is_empty() {
        say(&format!("{}: answers of 5xx other than 503: {odd:?}", stage.name));
    }
    stage.close(!outcome.findings.faults.is_empty()).await?;
    Ok(outcome)
}
