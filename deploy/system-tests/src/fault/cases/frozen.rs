//! Servers that stop in the middle of any work, keep every connection, and resume later where they were: a machine that is
//! moved or has no memory left, a disk that does not answer.
//!
//! Unlike after a silence, earlier requests are answered after all, when their clients have given up and retried elsewhere. Longer
//! than any time limit, so that they have.

use std::time::{Duration, Instant};

use system_tests::print_line;

use super::outages::{AT_WORST, Server, first_delivery, progress};
use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::servers::Engine;

/// Longer than the time limit of a confirm, a heartbeat or a statement.
const LENGTH: Duration = Duration::from_secs(13);
const LONGER: Duration = Duration::from_secs(30);

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "frozen", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(100));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut faults = Vec::new();
    let mut turns: Vec<(Vec<Engine>, Duration)> = vec![(vec![Engine::Broker], LENGTH)];
    if extent.outages > 2 {
        turns.extend(Engine::ALL.map(|engine| (vec![engine], LENGTH)));
        turns.extend(Engine::ALL.map(|engine| (vec![engine], LONGER)));
    }
    turns.push((Engine::ALL.to_vec(), LENGTH));
    for (frozen, length) in turns {
        faults.extend(freeze(&env, &frozen, length).await?);
    }
    load.stop().await?;
    let mut findings = env.settle().await?;
    for fault in faults {
        print_line(&format!("frozen: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

/// Stops these servers for a while; returns the faults.
async fn freeze(env: &FaultEnv<'_>, frozen: &[Engine], length: Duration) -> anyhow::Result<Vec<String>> {
    let names: Vec<&str> = frozen.iter().map(|engine| engine.name()).collect();
    let names = names.join(", ");
    let before = env.attempts().await?;
    for engine in frozen {
        env.cluster.servers.freeze(*engine).await?;
    }
    tokio::time::sleep(length).await;
    let logged = progress(env, Server::Engine(Engine::Broker)).await;
    // Whatever was found: the next cases need the servers.
    for engine in frozen {
        env.cluster.servers.thaw(*engine).await?;
    }
    let logged = logged?;
    let back = Instant::now();
    let first = first_delivery(env, Server::Engine(Engine::Broker), logged).await? - back;
    let spent = env.attempts().await? - before;
    print_line(&format!(
        "frozen: {names} frozen for {} s; after it the first log entry came within {} ms, attempts spent {spent}",
        length.as_secs(),
        first.as_millis(),
    ));
    let mut faults = Vec::new();
    if first > AT_WORST {
        faults.push(format!("the first delivery after {names} stood still took too long"));
    }
    if spent > 0 {
        faults.push(format!("{spent} attempts were spent while {names} stood still"));
    }
    Ok(faults)
}
