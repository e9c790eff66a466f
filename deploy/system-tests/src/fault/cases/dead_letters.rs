//! The command `bank-service dead-letters` works through dead letters: listed, shown, tried out, one replayed twice, some, all of
//! them while the broker dies; some discarded. No event takes effect a second time.

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
use system_tests::print_line;

use super::poison::dead_letters;
use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;
use crate::servers::Engine;

const TO_REPLAY: usize = 20;
/// The first of these is replayed by itself, and then the others.
const SOME: usize = 10;
const DISCARDED: usize = 3;

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "dead-letters", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(250));
    // One event that took effect long ago, events that were never consumed, and some that never will be.
    let mut ids = vec![add_dead_letter(&env, published_message(&env).await?).await?];
    for number in 1..TO_REPLAY + DISCARDED {
        let (id, message) = unpublished_message()?;
        if number < TO_REPLAY {
            env.expected.extra.insert(id, CardCreated::TYPE.to_owned());
        }
        ids.push(add_dead_letter(&env, message).await?);
    }
    let cli = DeadLetterCli { env: &env };
    let (wanted, unwanted) = ids.split_at(TO_REPLAY);
    let mut faults = cli.try_out(&ids).await?;
    faults.extend(cli.replay_some(wanted).await?);
    faults.extend(cli.discard(unwanted).await?);
    faults.extend(cli.replay_all(wanted.len() - SOME).await?);
    load.stop().await?;
    let mut findings = env.settle().await?;
    faults.extend(remembered(&env, ids.first().context("no dead letters")?).await?);
    for fault in faults.drain(..) {
        print_line(&format!("dead-letters: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

async fn add_dead_letter(env: &FaultEnv<'_>, message: WireMessage) -> anyhow::Result<String> {
    let dead_letter = DeadLetter {
        queue: LOG_QUEUE.to_owned(),
        reason: "on purpose".to_owned(),
        attempts: 5,
        died_at: SystemClock.now(),
        message,
    };
    let id = dead_letter.id().to_string();
    dead_letters(env)?.add(dead_letter).await?;
    Ok(id)
}

async fn published_message(env: &FaultEnv<'_>) -> anyhow::Result<WireMessage> {
    for _ in 0..60 {
        if let Ok((_, message)) = env.tables.message_of("card.created").await {
            return Ok(serde_json::from_str(&message)?);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bail!("no card was published")
}

fn unpublished_message() -> anyhow::Result<(String, WireMessage)> {
    let id = ids::new_event_id();
    let envelope = Envelope::new(id, "urn:bank-service", None, SystemClock.now(), &CardCreated::example())?;
    Ok((id.to_string(), WireMessage::encode(&envelope)?))
}

/// The actions on a replayed event, as its journey has them.
async fn remembered(env: &FaultEnv<'_>, id: &str) -> anyhow::Result<Vec<String>> {
    let journey = env.journey(id).await?;
    let replayed = journey["actions"].as_array().is_some_and(|all| all.iter().any(|one| one["action"] == "replayed"));
    if replayed && journey["state"] == "logged" {
        return Ok(Vec::new());
    }
    Ok(vec![format!("the journey of a replayed event is {journey}")])
}

/// Runs the command.
struct DeadLetterCli<'a> {
    env: &'a FaultEnv<'a>,
}

impl DeadLetterCli<'_> {
    /// Whether the command succeeded, and its output lines.
    async fn run(&self, command: &str, rest: &[&str]) -> anyhow::Result<(bool, Vec<String>)> {
        let bank = self.env.processes.get(&Service::Bank).context("no bank-service")?;
        let arguments = [&["dead-letters", command, "--queue", LOG_QUEUE], rest].concat();
        let output = bank.output(&arguments).await?;
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        Ok((output.status.success(), lines))
    }

    async fn listed(&self) -> anyhow::Result<BTreeSet<String>> {
        let (is_done, lines) = self.run("list", &[]).await?;
        if !is_done {
            bail!("dead letters cannot be listed: {lines:?}");
        }
        Ok(lines.iter().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect())
    }

    /// A list, a show, and dry runs: none of them changes anything.
    async fn try_out(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let all: BTreeSet<String> = ids.iter().cloned().collect();
        let one = ids.first().context("no dead letters")?;
        let (_, lines) = self.run("list", &[]).await?;
        let is_listed = |line: &String| line.starts_with(LOG_QUEUE) && line.contains("card.created 5 attempts");
        if lines.len() != all.len() || !lines.iter().all(|line| is_listed(line) && line.ends_with("on purpose")) {
            faults.push(format!("the list says {lines:?}"));
        }
        let (is_shown, lines) = self.run("show", &[one]).await?;
        let shown: Value = serde_json::from_str(&lines.concat()).unwrap_or_default();
        if !is_shown || shown["id"] != **one || shown["reason"] != "on purpose" || !shown["body"].is_object() {
            faults.push(format!("a dead letter is shown as {shown}"));
        }
        for command in ["replay", "discard"] {
            let (_, lines) = self.run(command, &["--dry-run", "--all"]).await?;
            if lines.len() != all.len() || !lines.iter().all(|line| line.contains(" would be ")) {
                faults.push(format!("{command} --dry-run says {lines:?}"));
            }
        }
        let bank = self.env.processes.get(&Service::Bank).context("no bank-service")?;
        for command in ["list", "discard"] {
            let rest: &[&str] = if command == "discard" { &["--all"] } else { &[] };
            let output = bank.output(&[&["dead-letters", command, "--queue", "log-servise"], rest].concat()).await?;
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() || !errors.contains("there is no queue log-servise") {
                faults.push(format!("{command} of a queue that does not exist says {errors:?}"));
            }
        }
        if self.listed().await? != all {
            faults.push("dead letters went by a list, a show or a dry run".to_owned());
        }
        Ok(faults)
    }

    /// One, the same again, and some.
    async fn replay_some(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let some: Vec<&str> = ids.iter().take(SOME).map(String::as_str).collect();
        let (one, others) = some.split_first().context("no dead letters")?;
        let (is_done, lines) = self.run("replay", &[one]).await?;
        if !is_done || lines != [format!("{LOG_QUEUE} {one} replayed")] {
            faults.push(format!("a replay says {lines:?}"));
        }
        let (is_done, lines) = self.run("replay", &[one]).await?;
        if is_done || !lines.iter().any(|line| line.contains("is not a dead letter")) {
            faults.push(format!("a second replay says {lines:?}"));
        }
        let (is_done, lines) = self.run("replay", others).await?;
        if !is_done || lines.len() != others.len() {
            faults.push(format!("a replay of some says {lines:?}"));
        }
        Ok(faults)
    }

    async fn discard(&self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (is_done, lines) = self.run("discard", &ids).await?;
        let is_reported = is_done && lines.len() == ids.len() && lines.iter().all(|line| line.ends_with(" discarded"));
        Ok(if is_reported { Vec::new() } else { vec![format!("a discard says {lines:?}")] })
    }

    /// All that are left, while the broker dies. After any error a repetition is right: a replayed message is no dead letter any
    /// more.
    async fn replay_all(&self, left: usize) -> anyhow::Result<Vec<String>> {
        let found = self.listed().await?.len();
        print_line(&format!("dead-letters: {found} to go with the broker dying"));
        let servers = &self.env.cluster.servers;
        let dying = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            servers.kill(Engine::Broker).await?;
            servers.start_again(Engine::Broker).await
        };
        let replaying = async {
            for _ in 0..240 {
                if matches!(self.run("replay", &["--all"]).await, Ok((true, _))) {
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
            vec![format!("{found} dead letters were left, not {left}; {stay} stay")]
        })
    }
}
