//! Every process is killed at every step of an event's path, under load.

use std::time::Duration;

use system_tests::say;

use super::accusers::Accusers;
use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::process::Service;
use crate::stage::{House, Stage};

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

pub(crate) async fn run(house: &House, extent: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "kill-points", None).await?;
    let load = Load::start(&stage.ledger, 3, Duration::from_millis(60));
    let mut missed = Vec::new();
    let accusers = Accusers::start(&stage)?;
    for _ in 0..extent.rounds {
        for service in Service::ALL {
            for (_, point, latest) in POINTS.iter().filter(|(of, ..)| *of == service) {
                let pass = 1 + stage.random.below(*latest);
                stage.arm(service, &format!("{point}:{pass}")).await?;
                if !stage.await_death(service, point, LIMIT).await? {
                    missed.push(format!("{} never came to {point}:{pass}", service.binary()));
                }
            }
            if stage.process(service)?.exited()?.is_some() {
                stage.launch(service, None).await?;
            } else {
                stage.kill(service, None).await?;
            }
        }
    }
    load.stop().await?;
    let mut findings = stage.settle().await?;
    missed.extend(accusers.stop("kill-points").await?);
    for (point, kills) in &stage.kills {
        say(&format!("kill-points: {kills} at {point}"));
    }
    for miss in missed {
        say(&format!("kill-points: FAULT {miss}"));
        findings.faults.push(miss);
    }
    super::finish(stage, findings).await
}
