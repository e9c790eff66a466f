//! While an effect fails, it is not retried without pauses: the broker's deliveries are counted on the wire.
//!
//! A mail that is refused for now comes again after 5, 30, 120 and 600 seconds, and so at most twice in any ten; an event that
//! waits for an unavailable store does not come again before the store is back.

use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::print_line;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::servers::Engine;
use crate::sink::Rule;

/// The time over which deliveries are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Messages in flight at the end of the load are delivered by then.
const CALM: Duration = Duration::from_secs(2);
/// Enough events for a meaningful count; a busy machine takes a while to make them.
const FEWEST: u64 = 40;
const WAIT_LIMIT: Duration = Duration::from_mins(1);

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "storm", None).await?;
    let mut faults = Vec::new();
    env.sink.add_rule(Rule { text: String::new(), answer: "451 later", times: u32::MAX });
    let (events, seen) = deliveries(&env).await?;
    check_rate("every mail is refused with 451", events, seen, events.saturating_mul(2), &mut faults);
    env.sink.clear_rules();

    env.proxy(Engine::LogStore)?.down();
    let (events, seen) = deliveries(&env).await?;
    check_rate("the log store is down", events, seen, events, &mut faults);
    env.proxy(Engine::LogStore)?.up();
    let mut findings = env.settle().await?;
    for fault in faults {
        print_line(&format!("storm: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

fn check_rate(what: &str, events: u64, seen: u64, most: u64, faults: &mut Vec<String>) {
    let (seconds, rate) = (WINDOW.as_secs(), seen.div_ceil(WINDOW.as_secs()));
    print_line(&format!(
        "storm: {what}: {seen} deliveries of {events} events in {seconds} s, {rate} a second, {most} allowed"
    ));
    if seen > most {
        faults.push(format!("{rate} deliveries a second while {what}"));
    }
}

/// Makes events and waits for their consumers; returns their number, and the deliveries after that.
async fn deliveries(env: &FaultEnv<'_>) -> anyhow::Result<(u64, u64)> {
    let (before, begun) = (env.tables.events().await?.len(), Instant::now());
    let load = Load::start(&env.ledger, 4, Duration::ZERO);
    let made = async || anyhow::Ok(u64::try_from(env.tables.events().await?.len().saturating_sub(before))?);
    while made().await? < FEWEST && begun.elapsed() < WAIT_LIMIT {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    load.stop().await?;
    let events = made().await?;
    if events < FEWEST {
        bail!("{events} events are too few to tell anything");
    }
    let broker = &env.proxy(Engine::Broker)?.deliveries;
    while broker.count() == 0 {
        if begun.elapsed() > WAIT_LIMIT {
            bail!("nothing was ever delivered");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(CALM).await;
    let first = broker.count();
    tokio::time::sleep(WINDOW).await;
    Ok((events, broker.count().saturating_sub(first)))
}
