//! All three processes are killed at random moments, under load.

use std::time::Duration;

use system_tests::print_line;

use super::unaccounted_check::UnaccountedCheck;
use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;

const LONGEST_LIFE_MS: u64 = 900;

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "random-kills", None).await?;
    let load = Load::start(&env.ledger, 3, Duration::from_millis(60));
    let unaccounted = UnaccountedCheck::start(&env)?;
    for _ in 0..extent.random_kills {
        let life = env.random.below(LONGEST_LIFE_MS);
        tokio::time::sleep(Duration::from_millis(life)).await;
        let service = env.random.pick(&Service::ALL).copied().unwrap_or(Service::Bank);
        env.kill(service, None).await?;
    }
    load.stop().await?;
    let mut findings = env.settle().await?;
    for fault in unaccounted.stop("random-kills").await? {
        print_line(&format!("random-kills: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}
