//! Every server is away for seconds and comes back, also by kill -9 and a start; connections are cut.
//!
//! While a server is away no attempt is spent; when it is back everything goes on by itself, the first delivery within five
//! seconds.

use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::say;

use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::process::Service;
use crate::servers::Engine;
use crate::stage::{House, Stage};

/// What the issue asks for, of the median: a machine that is busy with something else is no fault.
const FIRST_DELIVERY: Duration = Duration::from_secs(5);
/// What no single one may exceed.
pub(super) const AT_WORST: Duration = Duration::from_secs(30);
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// What can be away.
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

pub(crate) async fn run(house: &House, extent: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "outages", None).await?;
    let load = Load::start(&stage.ledger, 2, Duration::from_millis(200));
    let mut delays: Vec<(Server, Duration)> = Vec::new();
    let mut faults = Vec::new();
    for round in 0..extent.outages {
        for server in Server::ALL {
            let before = stage.attempts().await?;
            let length = length(&mut stage, round, extent);
            let delay = outage(&mut stage, server, round, length).await?;
            let spent = stage.attempts().await? - before;
            say(&format!(
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
    cut_connections(&mut stage).await?;
    load.stop().await?;
    let mut findings = stage.settle().await?;
    judge(&delays, &mut faults);
    for fault in faults {
        say(&format!("outages: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(stage, findings).await
}

fn judge(delays: &[(Server, Duration)], faults: &mut Vec<String>) {
    for server in Server::ALL {
        let mut own: Vec<Duration> = delays.iter().filter(|(of, _)| *of == server).map(|(_, delay)| *delay).collect();
        own.sort_unstable();
        let median = own.get(own.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        let worst = own.last().copied().unwrap_or_default();
        say(&format!(
            "outages: {} was away {} times, first delivery after {} ms (median), {} ms at worst",
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
fn length(stage: &mut Stage<'_>, round: u32, extent: Extent) -> Duration {
    let longest = extent.longest_outage;
    if round + 2 >= extent.outages.max(3) {
        return longest;
    }
    Duration::from_millis(500 + stage.random.below(millis(longest).saturating_sub(500)))
}

/// One outage; answers how long after its end the first delivery came.
async fn outage(stage: &mut Stage<'_>, server: Server, round: u32, length: Duration) -> anyhow::Result<Duration> {
    match server {
        // Every other time the server dies in earnest.
        Server::Engine(engine) if round % 2 == 1 => {
            stage.house.servers.kill(engine).await?;
            tokio::time::sleep(length).await;
            let before = progress(stage, server).await?;
            let servers = &stage.house.servers;
            let starting = async {
                servers.start_again(engine).await?;
                anyhow::Ok(Instant::now())
            };
            let (back, delivered) = tokio::join!(starting, first_delivery(stage, server, before));
            Ok(delivered?.saturating_duration_since(back?))
        }
        Server::Engine(engine) => {
            stage.proxy(engine)?.down();
            tokio::time::sleep(length).await;
            let before = progress(stage, server).await?;
            stage.proxy(engine)?.up();
            let back = Instant::now();
            Ok(first_delivery(stage, server, before).await? - back)
        }
        Server::Mail => {
            // An answer that was on its way when the server went is lost.
            stage.mail_gaps += 1;
            stage.smtp.down();
            stage.lose_mail_answers();
            tokio::time::sleep(length).await;
            let before = progress(stage, server).await?;
            stage.smtp.up();
            let back = Instant::now();
            Ok(first_delivery(stage, server, before).await? - back)
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What grows only while the server is there.
pub(super) async fn progress(stage: &Stage<'_>, server: Server) -> anyhow::Result<u64> {
    match server {
        Server::Engine(_) => stage.metric(Service::Log, "bank_log_recorded_total", &[]).await,
        Server::Mail => Ok(u64::try_from(stage.sink.count())?),
    }
}

pub(super) async fn first_delivery(stage: &Stage<'_>, server: Server, before: u64) -> anyhow::Result<Instant> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if progress(stage, server).await? > before {
            return Ok(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("nothing was delivered for {} s after an outage of {}", PATIENCE.as_secs(), server.name())
}

/// Connections are lost in the midst of everything, and may come back at once.
async fn cut_connections(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for _ in 0..3 {
        for engine in Engine::ALL {
            tokio::time::sleep(Duration::from_millis(100 + stage.random.below(400))).await;
            stage.proxy(engine)?.cut();
        }
        stage.smtp.cut();
        stage.lose_mail_answers();
    }
    stage.mail_gaps += 5;
    stage.sink.drop_after_content(2);
    let begun = Instant::now();
    while stage.sink.dropped() < 2 && begun.elapsed() < PATIENCE {
        stage.lose_mail_answers();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.lose_mail_answers();
    Ok(())
}
