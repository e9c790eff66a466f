//! All three processes are killed at random moments, under load.

use std::time::Duration;

use system_tests::say;

use super::accusers::Accusers;
use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::process::Service;
use crate::stage::{House, Stage};

const LONGEST_LIFE_MS: u64 = 900;

pub(crate) async fn run(house: &House, extent: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "random-kills", None).await?;
    let load = Load::start(&stage.ledger, 3, Duration::from_millis(60));
    let accusers = Accusers::start(&stage)?;
    for _ in 0..extent.random_kills {
        let life = stage.random.below(LONGEST_LIFE_MS);
        tokio::time::sleep(Duration::from_millis(life)).await;
        let service = stage.random.pick(&Service::ALL).copied().unwrap_or(Service::Bank);
        stage.kill(service, None).await?;
    }
    load.stop().await?;
    let mut findings = stage.settle().await?;
    for fault in accusers.stop("random-kills").await? {
        say(&format!("random-kills: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(stage, findings).await
}
