//! Dead letters are replayed: one twice, half of them, all of them while the broker dies. Nothing takes effect a second time.

use std::time::Duration;

use service_kit::clock::{Clock as _, SystemClock};
use service_kit::ids;
use service_kit::messaging::amqp::AmqpDeadLetters;
use service_kit::messaging::{DeadLetter, DeadLetters as _};
use shared_events::events::CardCreated;
use shared_events::routing::LOG_QUEUE;
use shared_events::{Envelope, Event as _, WireMessage};
use system_tests::say;

use super::poison::dead_letters;
use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::servers::Engine;
use crate::stage::{House, Stage};

const LETTERS: usize = 20;

pub(crate) async fn run(house: &House, _: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "dead-letters", None).await?;
    let load = Load::start(&stage.ledger, 2, Duration::from_millis(250));
    let dead = dead_letters(&stage)?;
    // Events that nobody has heard of yet, and one that took effect long ago.
    for number in 0..LETTERS {
        let message = if number == 0 { known(&stage).await? } else { unknown(&mut stage)? };
        let letter = DeadLetter {
            queue: LOG_QUEUE.to_owned(),
            reason: "on purpose".to_owned(),
            attempts: 5,
            died_at: SystemClock.now(),
            message,
        };
        dead.add(letter).await?;
    }
    let mut faults = replay(&stage, &dead).await?;
    load.stop().await?;
    let mut findings = stage.settle().await?;
    for fault in faults.drain(..) {
        say(&format!("dead-letters: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(stage, findings).await
}

async fn known(stage: &Stage<'_>) -> anyhow::Result<WireMessage> {
    for _ in 0..60 {
        if let Ok((_, message)) = stage.tables.message_of("card.created").await {
            return Ok(serde_json::from_str(&message)?);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("no card was published")
}

fn unknown(stage: &mut Stage<'_>) -> anyhow::Result<WireMessage> {
    let id = ids::new_event_id();
    stage.expected.extra.insert(id.to_string(), CardCreated::TYPE.to_owned());
    let envelope = Envelope::new(id, "urn:bank-service", None, SystemClock.now(), &CardCreated::example())?;
    Ok(WireMessage::encode(&envelope)?)
}

async fn replay(stage: &Stage<'_>, dead: &AmqpDeadLetters) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    let letters = dead.list(LOG_QUEUE, None, LETTERS * 2).await?;
    if letters.len() != LETTERS {
        faults.push(format!("{} dead letters are listed, not {LETTERS}", letters.len()));
    }
    let (half, rest) = letters.split_at(letters.len() / 2);
    for (number, letter) in half.iter().enumerate() {
        if !dead.replay(LOG_QUEUE, letter.id()).await? {
            faults.push("a dead letter could not be replayed".to_owned());
        }
        if number == 0 && dead.replay(LOG_QUEUE, letter.id()).await? {
            faults.push("a dead letter was replayed twice".to_owned());
        }
    }
    say(&format!("dead-letters: {} replayed, {} to go with the broker dying", half.len(), rest.len()));
    let servers = &stage.house.servers;
    let dying = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        servers.kill(Engine::RabbitMq).await?;
        servers.start_again(Engine::RabbitMq).await
    };
    let replaying = async {
        for letter in rest {
            // Whatever an error hides, asking again is right: what has gone is no letter any more.
            for _ in 0..240 {
                if dead.replay(LOG_QUEUE, letter.id()).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    };
    let (died, ()) = tokio::join!(dying, replaying);
    died?;
    Ok(faults)
}
