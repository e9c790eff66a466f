//! Every server is down for seconds and comes back, also by kill -9 and a start; connections are cut.
//!
//! While a server is down no attempt is spent; when it is back everything resumes by itself, the first delivery within five
//! seconds.

use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::print_line;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;
use crate::servers::Engine;

/// The required median: one slow case on a busy machine is no fault.
const FIRST_DELIVERY: Duration = Duration::from_secs(5);
/// The limit of every single one.
pub(super) const AT_WORST: Duration = Duration::from_secs(30);
pub(super) const WAIT_LIMIT: Duration = Duration::from_mins(2);

/// The servers that can be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Engine(Engine),
    Mail,
}

impl Server {
    pub(super) const ALL: [Self; 4] =
        [Self::Engine(Engine::Database), Self::Engine(Engine::Broker), Self::Engine(Engine::LogStore), Self::Mail];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Engine(engine) => engine.name(),
            Self::Mail => "the mail server",
        }
    }
}

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "outages", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(200));
    let mut delays: Vec<(Server, Duration)> = Vec::new();
    let mut faults = Vec::new();
    for round in 0..extent.outages {
        for server in Server::ALL {
            let before = env.attempts().await?;
            let length = length(&mut env, round, extent);
            let delay = outage(&mut env, server, round, length).await?;
            let spent = env.attempts().await? - before;
            print_line(&format!(
                "outages: {} back after {} ms, first delivery after {} ms, attempts spent {spent}",
                server.name(),
                length.as_millis(),
                delay.as_millis()
            ));
            if spent > 0 {
                faults.push(format!("{spent} attempts were spent on an outage of {}", server.name()));
            }
            delays.push((server, delay));
        }
    }
    cut_connections(&mut env).await?;
    load.stop().await?;
    let mut findings = env.settle().await?;
    check_delays(&delays, &mut faults);
    for fault in faults {
        print_line(&format!("outages: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

fn check_delays(delays: &[(Server, Duration)], faults: &mut Vec<String>) {
    for server in Server::ALL {
        let mut own: Vec<Duration> = delays.iter().filter(|(of, _)| *of == server).map(|(_, delay)| *delay).collect();
        own.sort_unstable();
        let median = own.get(own.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        let worst = own.last().copied().unwrap_or_default();
        print_line(&format!(
            "outages: {} was down {} times, first delivery after {} ms (median), {} ms at worst",
            server.name(),
            own.len(),
            median.as_millis(),
            worst.as_millis()
        ));
        if median > FIRST_DELIVERY || worst > AT_WORST {
            faults.push(format!("the first delivery after an outage of {} took too long", server.name()));
        }
    }
}

/// The last outage of each server is the longest, and so is the one before it: one by `kill -9`, one by the proxy.
fn length(env: &mut FaultEnv<'_>, round: u32, extent: Extent) -> Duration {
    let longest = extent.longest_outage;
    if round + 2 >= extent.outages.max(3) {
        return longest;
    }
    Duration::from_millis(500 + env.random.below(millis(longest).saturating_sub(500)))
}

/// One outage; returns the time from its end to the first delivery.
async fn outage(env: &mut FaultEnv<'_>, server: Server, round: u32, length: Duration) -> anyhow::Result<Duration> {
    match server {
        // Every other time the server really dies.
        Server::Engine(engine) if round % 2 == 1 => {
            env.cluster.servers.kill(engine).await?;
            tokio::time::sleep(length).await;
            let before = progress(env, server).await?;
            let servers = &env.cluster.servers;
            let starting = async {
                servers.start_again(engine).await?;
                anyhow::Ok(Instant::now())
            };
            let (back, delivered) = tokio::join!(starting, first_delivery(env, server, before));
            Ok(delivered?.saturating_duration_since(back?))
        }
        Server::Engine(engine) => {
            env.proxy(engine)?.down();
            tokio::time::sleep(length).await;
            let before = progress(env, server).await?;
            env.proxy(engine)?.up();
            let back = Instant::now();
            Ok(first_delivery(env, server, before).await? - back)
        }
        Server::Mail => {
            // An answer in flight when the server stopped is lost.
            env.mail_gaps += 1;
            env.smtp.down();
            env.lose_mail_answers();
            tokio::time::sleep(length).await;
            let before = progress(env, server).await?;
            env.smtp.up();
            let back = Instant::now();
            Ok(first_delivery(env, server, before).await? - back)
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A count that grows only while the server is up.
pub(super) async fn progress(env: &FaultEnv<'_>, server: Server) -> anyhow::Result<u64> {
    match server {
        Server::Engine(_) => env.metric(Service::Log, "bank_log_recorded_total", &[]).await,
        Server::Mail => Ok(u64::try_from(env.sink.count())?),
    }
}

pub(super) async fn first_delivery(env: &FaultEnv<'_>, server: Server, before: u64) -> anyhow::Result<Instant> {
    let begun = Instant::now();
    while begun.elapsed() < WAIT_LIMIT {
        if progress(env, server).await? > before {
            return Ok(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("nothing was delivered for {} s after an outage of {}", WAIT_LIMIT.as_secs(), server.name())
}

/// Cuts all connections at random moments; clients may reconnect at once.
async fn cut_connections(env: &mut FaultEnv<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        for engine in Engine::ALL {
            tokio::time::sleep(Duration::from_millis(100 + env.random.below(400))).await;
            env.proxy(engine)?.cut();
        }
        env.smtp.cut();
        env.lose_mail_answers();
    }
    env.mail_gaps += 5;
    env.sink.drop_after_content(2);
    let begun = Instant::now();
    while env.sink.dropped() < 2 && begun.elapsed() < WAIT_LIMIT {
        env.lose_mail_answers();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    env.lose_mail_answers();
    Ok(())
}
