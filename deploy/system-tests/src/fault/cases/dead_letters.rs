//! Dead letters are worked through by the command `bank-service dead-letters`: listed, shown, tried out, one replayed twice,
//! some, all of them while the broker dies; some discarded. Nothing takes effect a second time.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::ids;
use service_kit::messaging::{DeadLetter, DeadLetters as _};
use shared_events::events::CardCreated;
use shared_events::routing::LOG_QUEUE;
use shared_events::{Envelope, Event as _, WireMessage};
use system_tests::say;

use super::poison::dead_letters;
use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::process::Service;
use crate::servers::Engine;
use crate::stage::{House, Stage};

const LETTERS: usize = 20;
/// The first of these is replayed by itself, and these with it.
const SOME: usize = 10;
const DISCARDED: usize = 3;

pub(crate) async fn run(house: &House, _: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "dead-letters", None).await?;
    let load = Load::start(&stage.ledger, 2, Duration::from_millis(250));
    // One event that took effect long ago, events that nobody has heard of yet, and some that nobody is to hear of.
    let mut ids = vec![park(&stage, known(&stage).await?).await?];
    for number in 1..LETTERS + DISCARDED {
        let (id, message) = unknown()?;
        if number < LETTERS {
            stage.expected.extra.insert(id, CardCreated::TYPE.to_owned());
        }
        ids.push(park(&stage, message).await?);
    }
    let desk = Desk { stage: &stage };
    let (wanted, unwanted) = ids.split_at(LETTERS);
    let mut faults = desk.try_out(&ids).await?;
    faults.extend(desk.replay_some(wanted).await?);
    faults.extend(desk.discard(unwanted).await?);
    faults.extend(desk.replay_all(wanted.len() - SOME).await?);
    load.stop().await?;
    let mut findings = stage.settle().await?;
    faults.extend(remembered(&stage, ids.first().context("no letters")?).await?);
    for fault in faults.drain(..) {
        say(&format!("dead-letters: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(stage, findings).await
}

async fn park(stage: &Stage<'_>, message: WireMessage) -> anyhow::Result<String> {
    let letter = DeadLetter {
        queue: LOG_QUEUE.to_owned(),
        reason: "on purpose".to_owned(),
        attempts: 5,
        died_at: SystemClock.now(),
        message,
    };
    let id = letter.id().to_string();
    dead_letters(stage)?.add(letter).await?;
    Ok(id)
}

async fn known(stage: &Stage<'_>) -> anyhow::Result<WireMessage> {
    for _ in 0..60 {
        if let Ok((_, message)) = stage.tables.message_of("card.created").await {
            return Ok(serde_json::from_str(&message)?);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bail!("no card was published")
}

fn unknown() -> anyhow::Result<(String, WireMessage)> {
    let id = ids::new_event_id();
    let envelope = Envelope::new(id, "urn:bank-service", None, SystemClock.now(), &CardCreated::example())?;
    Ok((id.to_string(), WireMessage::encode(&envelope)?))
}

/// What the journey of a replayed event tells of it.
async fn remembered(stage: &Stage<'_>, id: &str) -> anyhow::Result<Vec<String>> {
    let journey = stage.journey(id).await?;
    let replayed = journey["actions"].as_array().is_some_and(|all| all.iter().any(|one| one["action"] == "replayed"));
    if replayed && journey["state"] == "logged" {
        return Ok(Vec::new());
    }
    Ok(vec![format!("the journey of a replayed event is {journey}")])
}

/// Where the command is given.
struct Desk<'a> {
    stage: &'a Stage<'a>,
}

impl Desk<'_> {
    /// Whether the command succeeded, and the lines that it said.
    async fn say(&self, command: &str, rest: &[&str]) -> anyhow::Result<(bool, Vec<String>)> {
        let bank = self.stage.processes.get(&Service::Bank).context("no bank-service")?;
        let arguments = [&["dead-letters", command, "--queue", LOG_QUEUE], rest].concat();
        let output = bank.output(&arguments).await?;
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        Ok((output.status.success(), lines))
    }

    async fn listed(&self) -> anyhow::Result<BTreeSet<String>> {
        let (is_done, lines) = self.say("list", &[]).await?;
        if !is_done {
            bail!("dead letters cannot be listed: {lines:?}");
        }
        Ok(lines.iter().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect())
    }

    /// A list, a look, and what would be done: nothing of it changes anything.
    async fn try_out(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let all: BTreeSet<String> = ids.iter().cloned().collect();
        let one = ids.first().context("no letters")?;
        let (_, lines) = self.say("list", &[]).await?;
        let is_told = |line: &String| line.starts_with(LOG_QUEUE) && line.contains("card.created 5 attempts");
        if lines.len() != all.len() || !lines.iter().all(|line| is_told(line) && line.ends_with("on purpose")) {
            faults.push(format!("the list says {lines:?}"));
        }
        let (is_shown, lines) = self.say("show", &[one]).await?;
        let letter: Value = serde_json::from_str(&lines.concat()).unwrap_or_default();
        if !is_shown || letter["id"] != **one || letter["reason"] != "on purpose" || !letter["body"].is_object() {
            faults.push(format!("a letter is shown as {letter}"));
        }
        for command in ["replay", "discard"] {
            let (_, lines) = self.say(command, &["--dry-run", "--all"]).await?;
            if lines.len() != all.len() || !lines.iter().all(|line| line.contains(" would be ")) {
                faults.push(format!("{command} --dry-run says {lines:?}"));
            }
        }
        if self.listed().await? != all {
            faults.push("letters went by a list, a look or a dry run".to_owned());
        }
        Ok(faults)
    }

    /// One, the same once more, and some.
    async fn replay_some(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let some: Vec<&str> = ids.iter().take(SOME).map(String::as_str).collect();
        let (one, others) = some.split_first().context("no letters")?;
        let (is_done, lines) = self.say("replay", &[one]).await?;
        if !is_done || lines != [format!("{LOG_QUEUE} {one} replayed")] {
            faults.push(format!("a replay says {lines:?}"));
        }
        let (is_done, lines) = self.say("replay", &[one]).await?;
        if is_done || !lines.iter().any(|line| line.contains("is not a dead letter")) {
            faults.push(format!("a second replay says {lines:?}"));
        }
        let (is_done, lines) = self.say("replay", others).await?;
        if !is_done || lines.len() != others.len() {
            faults.push(format!("a replay of some says {lines:?}"));
        }
        Ok(faults)
    }

    async fn discard(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (is_done, lines) = self.say("discard", &ids).await?;
        let is_told = is_done && lines.len() == ids.len() && lines.iter().all(|line| line.ends_with(" discarded"));
        Ok(if is_told { Vec::new() } else { vec![format!("a discard says {lines:?}")] })
    }

    /// All that are left, while the broker dies. Whatever an error hides, asking again is right: what has gone is no letter
    /// any more.
    async fn replay_all(&self, left: usize) -> anyhow::Result<Vec<String>> {
        let found = self.listed().await?.len();
        say(&format!("dead-letters: {found} to go with the broker dying"));
        let servers = &self.stage.house.servers;
        let dying = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            servers.kill(Engine::Broker).await?;
            servers.start_again(Engine::Broker).await
        };
        let replaying = async {
            for _ in 0..240 {
                if matches!(self.say("replay", &["--all"]).await, Ok((true, _))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let (died, ()) = tokio::join!(dying, replaying);
        died?;
        let stay = self.listed().await?.len();
        let is_as_expected = found == left && stay == 0;
        Ok(if is_as_expected {
            Vec::new()
        } else {
            vec![format!("{found} letters were left, not {left}; {stay} stay")]
        })
    }
}
