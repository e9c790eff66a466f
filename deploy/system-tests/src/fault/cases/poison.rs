//! What is no event, and what makes its handler panic, ends among the dead letters with its reason; its neighbours do not
//! notice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use service_kit::clock::SystemClock;
use service_kit::messaging::{AmqpDeadLetters, AmqpSettings, DeadLetters as _};
use shared_events::routing::{EMAIL_QUEUE, EXCHANGE, LOG_QUEUE};
use system_tests::say;

use super::{Extent, Outcome};
use crate::ledger::Load;
use crate::process::Service;
use crate::recipes::PANIC_ON;
use crate::stage::{House, Stage};

const KEY: &str = "card.created";
const MANY: usize = 100;
/// Far more than any reader of ours takes, and just what a broker passes on by default (16 MiB on RabbitMQ 4).
const LARGE: usize = 16_000_000;
/// Longer than the two pauses before the third panic.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) async fn run(house: &House, _: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "poison", None).await?;
    let load = Load::start(&stage.ledger, 2, Duration::from_millis(60));
    let poison = poison();
    // log-service dies with the first ones: the copy is among the dead letters, the original not yet acknowledged.
    stage.arm(Service::Log, "copy.confirmed").await?;
    for (_, kind, body) in &poison {
        publish(&stage.broker()?, kind, body).await?;
    }
    let died = stage.await_death(Service::Log, "copy.confirmed", Duration::from_mins(1)).await?;
    stage.launch(Service::Log, None).await?;
    load.stop().await?;
    let letters = wait_for_letters(&stage, poison.len()).await?;
    let copies = count(&stage, &letters).await?;
    stage.expected.dead = copies;
    let mut findings = stage.settle().await?;
    if !died {
        findings.faults.push("log-service never came to copy.confirmed".to_owned());
    }
    for (queue, reasons) in &letters {
        for reason in reasons {
            say(&format!("poison: {queue}: {reason}"));
        }
        if reasons.iter().filter(|reason| reason.contains("3 crashes: the handler panicked")).count() != 1 {
            let fault = format!("no dead letter in {queue} tells of three panics");
            say(&format!("poison: FAULT {fault}"));
            findings.faults.push(fault);
        }
        if reasons.len() != poison.len() || reasons.iter().any(String::is_empty) {
            let fault = format!("{} dead letters with a reason in {queue}, not {}", reasons.len(), poison.len());
            say(&format!("poison: FAULT {fault}"));
            findings.faults.push(fault);
        }
    }
    super::finish(stage, findings).await
}

/// What each is, its type, and its body.
fn poison() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let big = format!(r#"{{"user_id":1,"date":"2025-01-16T17:10:26","message":"{}","data":{{}}}}"#, "x".repeat(LARGE));
    let deep = format!(
        r#"{{"user_id":1,"date":"2025-01-16T17:10:26","message":"m","data":{}1{}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let good = br#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m","data":{"id":1}}"#.to_vec();
    let panics = format!(r#"{{"user_id":1,"date":"2025-01-16T17:10:26","message":"{PANIC_ON}","data":{{"id":1}}}}"#);
    vec![
        ("a handler panics", KEY, panics.into_bytes()),
        ("bad JSON", KEY, br#"{"user_id":1,"#.to_vec()),
        (
            "bad UTF-8",
            KEY,
            b"{\"user_id\":1,\"date\":\"2025-01-16T17:10:26\",\"message\":\"\xff\xfe\",\"data\":{}}".to_vec(),
        ),
        ("a field is missing", KEY, br#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m"}"#.to_vec()),
        ("no such type", "Card Created!", good),
        ("too large", KEY, big.into_bytes()),
        ("too deep", KEY, deep.into_bytes()),
    ]
}

async fn publish(broker: &str, kind: &str, body: &[u8]) -> anyhow::Result<()> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_delivery_mode(2).with_type(kind.into());
    let options = BasicPublishOptions::default();
    channel.basic_publish(EXCHANGE.into(), KEY.into(), options, body, properties).await?.await?;
    connection.close(200, "OK".into()).await?;
    Ok(())
}

pub(super) fn dead_letters(stage: &Stage<'_>) -> anyhow::Result<AmqpDeadLetters> {
    let settings = AmqpSettings::parse(&stage.broker()?, EXCHANGE)?;
    Ok(AmqpDeadLetters::new(settings, vec![LOG_QUEUE.to_owned(), EMAIL_QUEUE.to_owned()], Arc::new(SystemClock)))
}

/// The reasons by queue, once there are enough of them, or after a while.
async fn wait_for_letters(stage: &Stage<'_>, wanted: usize) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
    let dead = dead_letters(stage)?;
    let mut found = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        found.clear();
        for queue in [LOG_QUEUE, EMAIL_QUEUE] {
            let letters = dead.list(queue, None, MANY).await?;
            found.push((queue, letters.into_iter().map(|letter| letter.reason).collect::<Vec<_>>()));
        }
        if found.iter().all(|(_, reasons)| reasons.len() >= wanted) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(found)
}

/// A crash between copy and acknowledgement leaves a letter twice, which shows once; what counts is what shows.
async fn count(
    stage: &Stage<'_>,
    letters: &[(&'static str, Vec<String>)],
) -> anyhow::Result<std::collections::BTreeMap<String, u32>> {
    let mut found = stage.look().await?.dead;
    for (queue, reasons) in letters {
        let shown = u32::try_from(reasons.len())?;
        if let Some(messages) = found.get(*queue)
            && (*messages < shown || *messages > 2 * shown)
        {
            found.insert((*queue).to_owned(), shown);
        }
    }
    Ok(found)
}
