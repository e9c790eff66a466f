//! Servers that say nothing any more: connections stay, new ones come about, and whatever is said is swallowed, as by a
//! firewall that drops packets. Nobody is told; the services have to find out by their own time limits.
//!
//! What was connected before the silence never gets an answer, also after its end.

use std::time::{Duration, Instant};

use system_tests::print_line;

use super::outages::{Server, first_delivery, progress};
use super::{Extent, Outcome};
use crate::fault_env::{Cluster, FaultEnv};
use crate::ledger::Load;
use crate::process::Service;
use crate::servers::Engine;

/// As many mails as may be under way at once: of each the answer is swallowed.
const MAILS_AT_ONCE: u32 = 8;
/// Whoever still waits for an answer from before the end of a silence gives up by then.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// What no first delivery may exceed: the longest time limit of anybody, a pause, and what a busy machine adds.
const AT_WORST: Duration = Duration::from_secs(45);

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "silence", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(200));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut faults = Vec::new();
    // In the long form each by itself, too.
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

/// One silence of these servers; answers what was wrong about it.
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
    // Of a mail whose content was just given nobody knows whether the server has it: that is an attempt, in the end.
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
