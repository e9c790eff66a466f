//! Messages that are no event, or make their handler panic, become dead letters with their reason; their neighbours are not
//! affected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use service_kit::clock::SystemClock;
use service_kit::messaging::{AmqpDeadLetters, AmqpSettings, DeadLetters as _};
use shared_events::routing::{EMAIL_QUEUE, EXCHANGE, LOG_QUEUE};
use system_tests::print_line;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::launch::PANIC_ON;
use crate::load::Load;
use crate::process::Service;

const KEY: &str = "card.created";
const MANY: usize = 100;
/// Far more than our readers accept, and just what a broker passes on by default (16 MiB on RabbitMQ 4).
const LARGE: usize = 16_000_000;
/// Longer than the two pauses before the third panic.
const WAIT_LIMIT: Duration = Duration::from_mins(2);

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "poison", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(60));
    let poison = poison();
    // log-service dies with the first ones: the copy is among the dead letters, the original not yet acknowledged.
    env.arm(Service::Log, "copy.confirmed").await?;
    for (_, kind, body) in &poison {
        publish(&env.broker()?, kind, body).await?;
    }
    let died = env.await_death(Service::Log, "copy.confirmed", Duration::from_mins(1)).await?;
    env.launch(Service::Log, None).await?;
    load.stop().await?;
    let dead_letters = wait_for_dead_letters(&env, poison.len()).await?;
    let copies = count(&env, &dead_letters).await?;
    env.expected.dead = copies;
    let mut findings = env.settle().await?;
    if !died {
        findings.faults.push("log-service never came to copy.confirmed".to_owned());
    }
    for (queue, reasons) in &dead_letters {
        for reason in reasons {
            print_line(&format!("poison: {queue}: {reason}"));
        }
        if reasons.iter().filter(|reason| reason.contains("3 crashes: the handler panicked")).count() != 1 {
            let fault = format!("no dead letter in {queue} names three panics");
            print_line(&format!("poison: FAULT {fault}"));
            findings.faults.push(fault);
        }
        if reasons.len() != poison.len() || reasons.iter().any(String::is_empty) {
            let fault = format!("{} dead letters with a reason in {queue}, not {}", reasons.len(), poison.len());
            print_line(&format!("poison: FAULT {fault}"));
            findings.faults.push(fault);
        }
    }
    super::finish(env, findings).await
}

/// The name of each, its type, and its body.
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

pub(super) async fn publish(broker: &str, kind: &str, body: &[u8]) -> anyhow::Result<()> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_delivery_mode(2).with_type(kind.into());
    let options = BasicPublishOptions::default();
    channel.basic_publish(EXCHANGE.into(), KEY.into(), options, body, properties).await?.await?;
    connection.close(200, "OK".into()).await?;
    Ok(())
}

pub(super) fn dead_letters(env: &FaultEnv<'_>) -> anyhow::Result<AmqpDeadLetters> {
    let settings = AmqpSettings::parse(&env.broker()?, EXCHANGE)?;
    Ok(AmqpDeadLetters::new(settings, vec![LOG_QUEUE.to_owned(), EMAIL_QUEUE.to_owned()], Arc::new(SystemClock)))
}

/// The reasons by queue, once there are enough of them, or after a while.
async fn wait_for_dead_letters(env: &FaultEnv<'_>, wanted: usize) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
    let dead = dead_letters(env)?;
    let mut found = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < WAIT_LIMIT {
        found.clear();
        for queue in [LOG_QUEUE, EMAIL_QUEUE] {
            let dead_letters = dead.list(queue, None, MANY).await?;
            found.push((queue, dead_letters.into_iter().map(|dead_letter| dead_letter.reason).collect::<Vec<_>>()));
        }
        if found.iter().all(|(_, reasons)| reasons.len() >= wanted) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(found)
}

/// A crash between copy and acknowledgement leaves a dead letter twice, which a listing shows once; the listing counts.
async fn count(
    env: &FaultEnv<'_>,
    dead_letters: &[(&'static str, Vec<String>)],
) -> anyhow::Result<std::collections::BTreeMap<String, u32>> {
    let mut found = env.snapshot().await?.dead;
    for (queue, reasons) in dead_letters {
        let shown = u32::try_from(reasons.len())?;
        if let Some(messages) = found.get(*queue)
            && (*messages < shown || *messages > 2 * shown)
        {
            found.insert((*queue).to_owned(), shown);
        }
    }
    Ok(found)
}
