//! Planted faults: a service that acknowledges early, takes no confirms, or spends attempts on an outage. A check that does
//! not find them is no check.

use std::time::Duration;

use system_tests::say;

use super::Outcome;
use crate::ledger::Load;
use crate::process::Service;
use crate::servers::Engine;
use crate::stage::{House, Stage};

/// What is lost is lost: no need to wait for it for long.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether every planted fault was found.
pub(crate) async fn run(house: &House) -> anyhow::Result<bool> {
    let mut found_all = true;
    for (service, plant) in
        [(Service::Log, "ack_early"), (Service::Bank, "no_confirm"), (Service::Email, "spend_attempts")]
    {
        let mut stage = Stage::open(house, &format!("plant-{plant}"), Some((service, plant))).await?;
        let load = Load::start(&stage.ledger, 3, Duration::from_millis(20));
        let told = match plant {
            "ack_early" => kills(&mut stage).await?,
            "no_confirm" => cuts(&mut stage).await?,
            _ => outage(&mut stage).await?,
        };
        load.stop().await?;
        let findings = stage.settle_within(LIMIT).await?;
        let found = told > 0 || findings.lost > 0;
        say(&format!("self-check: {plant} in {}: {}", service.binary(), if found { "found" } else { "NOT FOUND" }));
        found_all &= found;
        drop::<Outcome>(super::finish(stage, findings).await?);
    }
    Ok(found_all)
}

/// What was acknowledged and not yet recorded is lost with the process.
async fn kills(stage: &mut Stage<'_>) -> anyhow::Result<u64> {
    for _ in 0..3 {
        stage.arm(Service::Log, "log.delivered:2").await?;
        stage.await_death(Service::Log, "log.delivered", Duration::from_secs(30)).await?;
    }
    stage.launch(Service::Log, None).await?;
    Ok(0)
}

/// What was published as the connection went is marked as sent and lost.
async fn cuts(stage: &mut Stage<'_>) -> anyhow::Result<u64> {
    for _ in 0..5 {
        stage.arm(Service::Bank, "publish.unconfirmed:2").await?;
        stage.await_death(Service::Bank, "publish.unconfirmed", Duration::from_secs(30)).await?;
        stage.launch(Service::Bank, None).await?;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stage.proxy(Engine::RabbitMq)?.cut();
        }
    }
    Ok(0)
}

/// The attempts that an outage of the mail server cost.
async fn outage(stage: &mut Stage<'_>) -> anyhow::Result<u64> {
    let before = stage.attempts().await?;
    stage.smtp.down();
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.smtp.up();
    Ok(stage.attempts().await? - before)
}
