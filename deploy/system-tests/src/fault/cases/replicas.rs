//! Two replicas of each service at once: nothing is done twice, another relay takes over within five seconds of a kill -9,
//! and the events of one thing are published in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use service_kit::task;
use shared_events::routing::EXCHANGE;
use system_tests::print_line;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;

const LISTENER: &str = "fault-test.listener";
/// The median: one slow case on a busy machine is no fault.
const TAKEOVER: Duration = Duration::from_secs(5);
/// The limit of every single one.
const AT_WORST: Duration = Duration::from_secs(30);
const WAIT_LIMIT: Duration = Duration::from_mins(1);
const RENAMED: usize = 4;

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "replicas", None).await?;
    env.double().await?;
    listen(&env.broker()?).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(80));
    let renaming = task::spawn("renaming", rename(Arc::clone(&env.ledger)));
    let mut takeovers = Vec::new();
    for _ in 0..(extent.outages.max(3)) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        takeovers.push(takeover(&mut env).await?);
        for service in [Service::Log, Service::Email] {
            env.kill(service, None).await?;
        }
    }
    renaming.await.context("renaming")??;
    load.stop().await?;
    let mut findings = env.settle().await?;
    takeovers.sort_unstable();
    let median = takeovers.get(takeovers.len() / 2).copied().unwrap_or_default();
    let worst = takeovers.last().copied().unwrap_or_default();
    print_line(&format!(
        "replicas: another relay took over {} times, after {median:?} (median), {takeovers:?}",
        takeovers.len()
    ));
    if median > TAKEOVER || worst > AT_WORST {
        findings.faults.push(format!("another relay took over after {median:?} only, {worst:?} at worst"));
    }
    let (banks, disordered) = disorder(&env).await?;
    print_line(&format!("replicas: events of {banks} banks came in their order, of {disordered} not"));
    if disordered > 0 || banks == 0 {
        findings.faults.push(format!("the events of {disordered} of {banks} banks came out of their order"));
    }
    for fault in &findings.faults {
        print_line(&format!("replicas: FAULT {fault}"));
    }
    super::finish(env, findings).await
}

async fn rename(ledger: Arc<crate::ledger::Ledger>) -> anyhow::Result<()> {
    for _ in 0..RENAMED {
        let bank = ledger.bank().await?;
        for _ in 0..10 {
            ledger.rename(bank).await?;
        }
    }
    Ok(())
}

/// Kills the replica that publishes; returns the time until the other one does. Then starts the killed one again.
async fn takeover(env: &mut FaultEnv<'_>) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let first_leads = loop {
        if leads(env, true).await {
            break true;
        }
        if leads(env, false).await {
            break false;
        }
        if begun.elapsed() > WAIT_LIMIT {
            bail!("nobody publishes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let replicas = if first_leads { &mut env.processes } else { &mut env.seconds };
    replicas.get_mut(&Service::Bank).context("no bank-service")?.kill().await?;
    env.record_kill(Service::Bank, "as the one that publishes");
    let killed = Instant::now();
    while !leads(env, !first_leads).await {
        if killed.elapsed() > WAIT_LIMIT {
            bail!("nobody took over");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = killed.elapsed();
    let replicas = if first_leads { &mut env.processes } else { &mut env.seconds };
    let process = replicas.get_mut(&Service::Bank).context("no bank-service")?;
    process.launch(None)?;
    process.answers().await?;
    Ok(took)
}

async fn leads(env: &FaultEnv<'_>, first: bool) -> bool {
    let replicas = if first { &env.processes } else { &env.seconds };
    let Some(process) = replicas.get(&Service::Bank) else { return false };
    env.metric_of(process, "bank_outbox_relay_leader", &[]).await.is_ok_and(|leads| leads == 1)
}

/// A queue for the events of every bank.
async fn listen(broker: &str) -> anyhow::Result<()> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(LISTENER.into(), durable, FieldTable::default()).await?;
    let bound = channel.queue_bind(
        LISTENER.into(),
        EXCHANGE.into(),
        "bank.*".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bound.await?;
    connection.close(200, "OK".into()).await?;
    Ok(())
}

/// The number of banks with received events, and of those whose first deliveries are not in the order of their commits.
async fn disorder(env: &FaultEnv<'_>) -> anyhow::Result<(usize, usize)> {
    let connection = Connection::connect(&env.broker()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer = channel.basic_consume(LISTENER.into(), "".into(), options, FieldTable::default()).await?;
    let (mut places, mut seen) = (BTreeMap::new(), BTreeSet::new());
    while let Ok(Some(Ok(delivery))) = tokio::time::timeout(Duration::from_secs(3), consumer.next()).await {
        if let Some(id) = delivery.properties.message_id().as_ref().map(ToString::to_string)
            && seen.insert(id.clone())
        {
            places.insert(id, places.len());
        }
    }
    let events = env.tables.bank_events().await?;
    let out_of_order = |ids: &&Vec<String>| {
        let found: Vec<usize> = ids.iter().filter_map(|id| places.get(id).copied()).collect();
        !found.is_sorted()
    };
    Ok((events.len(), events.values().filter(out_of_order).count()))
}
