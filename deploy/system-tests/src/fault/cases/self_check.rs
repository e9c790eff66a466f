//! Planted faults: a service that acknowledges early, takes no confirms, goes by a cursor over ids, or spends attempts on an
//! outage. A check that does not find them is no check.

use std::time::{Duration, Instant};

use system_tests::say;

use super::Outcome;
use crate::check::Findings;
use crate::ledger::Load;
use crate::process::Service;
use crate::servers::Engine;
use crate::stage::{House, Stage};

/// What is lost is lost: no need to wait for it for long.
const LIMIT: Duration = Duration::from_secs(30);
/// Nothing that is merely late takes so long to move.
const STILL: Duration = Duration::from_secs(6);
/// Long enough for anything to happen at least once.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the broker is silent: what is said to it meanwhile is lost.
const SILENCE: Duration = Duration::from_millis(700);

/// Whether every planted fault was found.
pub(crate) async fn run(house: &House) -> anyhow::Result<bool> {
    let mut found_all = true;
    for (service, plant) in [
        (Service::Log, "ack_early"),
        (Service::Bank, "no_confirm"),
        (Service::Bank, "id_cursor"),
        (Service::Email, "spend_attempts"),
    ] {
        let mut stage = Stage::open(house, &format!("plant-{plant}"), Some((service, plant))).await?;
        let load = Load::start(&stage.ledger, 3, Duration::from_millis(20));
        match plant {
            "ack_early" => kills(&mut stage).await?,
            "no_confirm" | "id_cursor" => silences(&stage).await?,
            _ => {}
        }
        let told = if plant == "spend_attempts" { outage(&stage).await? } else { 0 };
        load.stop().await?;
        let findings = if told > 0 { Findings::default() } else { stage.settle_within(LIMIT, STILL).await? };
        let found = told > 0 || findings.lost > 0;
        say(&format!("self-check: {plant} in {}: {}", service.binary(), if found { "found" } else { "NOT FOUND" }));
        found_all &= found;
        drop::<Outcome>(super::finish(stage, findings).await?);
    }
    Ok(found_all)
}

/// What was acknowledged and not yet recorded is lost with the process.
async fn kills(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        stage.arm(Service::Log, "log.delivered:2").await?;
        stage.await_death(Service::Log, "log.delivered", PATIENCE).await?;
    }
    stage.launch(Service::Log, None).await
}

/// What was published as the connection went is marked as sent and lost, or passed over when it is due again.
async fn silences(stage: &Stage<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        let broker = stage.proxy(Engine::Broker)?;
        broker.silence();
        tokio::time::sleep(SILENCE).await;
        broker.up();
        broker.cut();
        tokio::time::sleep(SILENCE).await;
    }
    Ok(())
}

/// The attempts that an outage of the mail server cost.
async fn outage(stage: &Stage<'_>) -> anyhow::Result<u64> {
    let before = stage.attempts().await?;
    let begun = Instant::now();
    stage.smtp.down();
    let mut spent = 0;
    while spent == 0 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
        spent = stage.attempts().await? - before;
    }
    stage.smtp.up();
    Ok(spent)
}
