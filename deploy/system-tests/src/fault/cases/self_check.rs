//! Planted faults: a service that acknowledges early, takes no confirms, follows a cursor over ids, or spends attempts on an
//! outage; then those in the ledger. A check that does not find them is worthless.

use std::time::{Duration, Instant};

use system_tests::print_line;

use super::Outcome;
use crate::check::Findings;
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;
use crate::servers::Engine;

/// Lost messages never come: no need to wait long.
const LIMIT: Duration = Duration::from_secs(30);
/// Longer than any late message rests.
const STILL: Duration = Duration::from_secs(6);
/// Long enough for anything to happen at least once.
const WAIT_LIMIT: Duration = Duration::from_mins(1);
/// The length of the broker's silence: requests during it are lost.
const SILENCE: Duration = Duration::from_millis(700);

/// Whether every planted fault was found.
pub(crate) async fn run(cluster: &Cluster) -> anyhow::Result<bool> {
    let mut found_all = true;
    for (service, plant) in [
        (Service::Log, "ack_early"),
        (Service::Bank, "no_confirm"),
        (Service::Bank, "id_cursor"),
        (Service::Email, "spend_attempts"),
    ] {
        let mut env = FaultEnv::open(cluster, &format!("plant-{plant}"), Some((service, plant))).await?;
        let load = Load::start(&env.ledger, 3, Duration::from_millis(20));
        match plant {
            "ack_early" => kills(&mut env).await?,
            "no_confirm" | "id_cursor" => silences(&env).await?,
            _ => {}
        }
        let attempts_spent = if plant == "spend_attempts" { outage(&env).await? } else { 0 };
        load.stop().await?;
        let findings = if attempts_spent > 0 { Findings::default() } else { env.settle_within(LIMIT, STILL).await? };
        let found = attempts_spent > 0 || findings.lost > 0;
        print_line(&format!(
            "self-check: {plant} in {}: {}",
            service.binary(),
            if found { "found" } else { "NOT FOUND" }
        ));
        found_all &= found;
        drop::<Outcome>(super::finish(env, findings).await?);
    }
    Ok(super::planted_money::run(cluster).await? && found_all)
}

/// Messages that were acknowledged and not yet recorded are lost with the process.
async fn kills(env: &mut FaultEnv<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        env.arm(Service::Log, "log.delivered:2").await?;
        env.await_death(Service::Log, "log.delivered", WAIT_LIMIT).await?;
    }
    env.launch(Service::Log, None).await
}

/// A message published as the connection failed is marked as sent and lost, or skipped when it is due again.
async fn silences(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        let broker = env.proxy(Engine::Broker)?;
        broker.silence();
        tokio::time::sleep(SILENCE).await;
        broker.up();
        broker.cut();
        tokio::time::sleep(SILENCE).await;
    }
    Ok(())
}

/// The attempts that an outage of the mail server cost.
async fn outage(env: &FaultEnv<'_>) -> anyhow::Result<u64> {
    let before = env.attempts().await?;
    let begun = Instant::now();
    env.smtp.down();
    let mut spent = 0;
    while spent == 0 && begun.elapsed() < WAIT_LIMIT {
        tokio::time::sleep(Duration::from_millis(200)).await;
        spent = env.attempts().await? - before;
    }
    env.smtp.up();
    Ok(spent)
}
