//! Every process is killed at every step of an event's path, under load.

use std::time::Duration;

use system_tests::print_line;

use super::unaccounted_check::UnaccountedCheck;
use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;

/// Every point, with the latest pass at which the process is killed.
const POINTS: &[(Service, &str, u64)] = &[
    (Service::Bank, "write.before_commit", 12),
    (Service::Bank, "write.after_commit", 12),
    (Service::Bank, "relay.claimed", 12),
    (Service::Bank, "publish.unconfirmed", 6),
    (Service::Bank, "relay.confirmed", 6),
    (Service::Bank, "relay.marked", 6),
    (Service::Bank, "ack.delivered", 4),
    (Service::Bank, "ack.recorded", 4),
    (Service::Bank, "post.unsent", 4),
    (Service::Bank, "post.sent", 3),
    (Service::Bank, "post.answered", 4),
    (Service::Log, "log.delivered", 6),
    (Service::Log, "log.inserted", 6),
    (Service::Log, "post.recorded", 3),
    (Service::Email, "mail.delivered", 6),
    (Service::Email, "mail.claimed", 6),
    (Service::Email, "mail.in_data", 6),
    (Service::Email, "mail.content_sent", 6),
    (Service::Email, "mail.accepted", 6),
    (Service::Email, "mail.recorded", 6),
    (Service::Email, "reply.unpublished", 4),
    (Service::Email, "publish.unconfirmed", 4),
    (Service::Email, "reply.published", 4),
];
/// Long enough for any point to be reached under load.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "kill-points", None).await?;
    let load = Load::start(&env.ledger, 3, Duration::from_millis(60));
    let mut missed = Vec::new();
    let unaccounted = UnaccountedCheck::start(&env)?;
    for _ in 0..extent.rounds {
        for service in Service::ALL {
            for (_, point, latest) in POINTS.iter().filter(|(of, ..)| *of == service) {
                let pass = 1 + env.random.below(*latest);
                env.arm(service, &format!("{point}:{pass}")).await?;
                if !env.await_death(service, point, LIMIT).await? {
                    missed.push(format!("{} never came to {point}:{pass}", service.binary()));
                }
            }
            if env.process(service)?.exited()?.is_some() {
                env.launch(service, None).await?;
            } else {
                env.kill(service, None).await?;
            }
        }
    }
    load.stop().await?;
    let mut findings = env.settle().await?;
    missed.extend(unaccounted.stop("kill-points").await?);
    for (point, kills) in &env.kills {
        print_line(&format!("kill-points: {kills} at {point}"));
    }
    for miss in missed {
        print_line(&format!("kill-points: FAULT {miss}"));
        findings.faults.push(miss);
    }
    super::finish(env, findings).await
}
