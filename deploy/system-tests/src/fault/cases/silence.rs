//! Servers that fall silent: connections stay, new ones are accepted, and all data is swallowed, as by a firewall that drops
//! packets. No peer gets an error; the services have to find out by their own time limits.
//!
//! Connections from before the silence never get an answer, also after its end.

use std::time::{Duration, Instant};

use system_tests::print_line;

use super::outages::{Server, first_delivery, progress};
use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;
use crate::servers::Engine;

/// The mails that may be in flight at once: the answer of each is swallowed.
const MAILS_AT_ONCE: u32 = 8;
/// Any request from before the end of a silence has timed out by then.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// The limit of a first delivery: the longest time limit, a pause, and the delay of a busy machine.
const AT_WORST: Duration = Duration::from_secs(45);

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "silence", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(200));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut faults = Vec::new();
    // The long form also silences each server by itself.
    let mut turns: Vec<Vec<Server>> = vec![Server::ALL.to_vec()];
    if extent.outages > 2 {
        turns.extend(Server::ALL.map(|server| vec![server]));
    }
    for silent in turns {
        faults.extend(silence(&mut env, &silent, extent.longest_outage).await?);
    }
    load.stop().await?;
    let mut findings = env.settle().await?;
    for fault in faults {
        print_line(&format!("silence: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

/// One silence of these servers; returns the faults.
async fn silence(env: &mut FaultEnv<'_>, silent: &[Server], length: Duration) -> anyhow::Result<Vec<String>> {
    let (before, by_mails) = (env.attempts().await?, env.attempts_of(Service::Email).await?);
    for server in silent {
        match server {
            Server::Engine(engine) => env.proxy(*engine)?.silence(),
            Server::Mail => {
                env.smtp.silence();
                env.mail_gaps += MAILS_AT_ONCE;
                env.lose_mail_answers();
            }
        }
    }
    tokio::time::sleep(length).await;
    let logged = progress(env, Server::Engine(Engine::LogStore)).await?;
    let mailed = progress(env, Server::Mail).await?;
    for server in silent {
        match server {
            Server::Engine(engine) => env.proxy(*engine)?.up(),
            Server::Mail => env.smtp.up(),
        }
    }
    let back = Instant::now();
    let log = first_delivery(env, Server::Engine(Engine::LogStore), logged).await? - back;
    let mail = first_delivery(env, Server::Mail, mailed).await? - back;
    tokio::time::sleep(GIVEN_UP.saturating_sub(back.elapsed())).await;
    let by_mails = env.attempts_of(Service::Email).await? - by_mails;
    let spent = env.attempts().await? - before - by_mails;
    // Whether the server has a mail whose content was just sent cannot be known: that is an attempt, in the end.
    let allowed = if silent.contains(&Server::Mail) { u64::from(MAILS_AT_ONCE) } else { 0 };
    let names: Vec<&str> = silent.iter().map(|server| server.name()).collect();
    let names = names.join(", ");
    print_line(&format!(
        "silence: {names} silent for {} s; after it the first log entry came within {} ms, the first mail within {} ms, attempts spent {spent}, and {by_mails} on mails that were being given",
        length.as_secs(),
        log.as_millis(),
        mail.as_millis(),
    ));
    let mut faults = Vec::new();
    if log.max(mail) > AT_WORST {
        faults.push(format!("the first delivery after a silence of {names} took too long"));
    }
    if spent > 0 || by_mails > allowed {
        faults.push(format!("{spent} attempts, and {by_mails} of email-service, were spent on a silence of {names}"));
    }
    Ok(faults)
}
