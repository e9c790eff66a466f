//! Nothing is published before every queue is there that is expected to hear it.

use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{AmqpPublisher, Destination, Outcome, Outgoing, Progress, Publisher as _, Receipt};
use service_kit::telemetry::Metrics;

use crate::scripted::{Scripted, message};
use crate::support::{Stage, broker_uri, eventually};

/// A publisher at the stage's exchange that expects these queues.
fn expecting(stage: &Stage, queues: &[&str]) -> AmqpPublisher {
    let mut settings = stage.settings.clone();
    settings.expected_queues = queues.iter().map(|queue| stage.name(queue)).collect();
    AmqpPublisher::start(settings, &Metrics::new(), Shutdown::new())
}

async fn publish(publisher: &AmqpPublisher) -> Receipt {
    let outgoing = Outgoing { message: message(1), destination: Destination::Exchange, progress: Progress::default() };
    publisher.publish(outgoing).await
}

/// Each queue counts as missing before the broker was asked for it; the state names those for which it was.
async fn were_seen_missing(publisher: &AmqpPublisher, queues: &[String]) {
    let all_named = |reason: String| queues.iter().all(|queue| reason.contains(queue));
    eventually("the broker was asked for the queues", async || publisher.state().is_err_and(all_named)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_published_while_one_of_two_queues_is_missing() {
    let stage = Stage::new().await;
    let publisher = expecting(&stage, &["logs", "mails"]);
    were_seen_missing(&publisher, &[stage.name("logs"), stage.name("mails")]).await;
    let logs = Scripted::always(Outcome::Done);
    stage.subscribe(stage.queue("logs"), &logs).await;
    eventually("one is waited for", async || publisher.missing_queues() == [stage.name("mails")]).await;
    let Receipt::Unavailable { reason } = publish(&publisher).await else { panic!("it was published") };
    assert!(reason.contains(&stage.name("mails")) && !reason.contains(&stage.name("logs")), "{reason}");

    let mails = Scripted::always(Outcome::Done);
    stage.subscribe(stage.queue("mails"), &mails).await;
    eventually("it is published", async || publish(&publisher).await == Receipt::Accepted).await;
    let heard = async || logs.calls() == 1 && mails.calls() == 1;
    eventually("both have heard it", heard).await;
    assert!(publisher.missing_queues().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_appears_counts_once_it_is_consumed() {
    let stage = Stage::new().await;
    let publisher = expecting(&stage, &["q", "other"]);
    let both = [stage.name("other"), stage.name("q")];
    were_seen_missing(&publisher, &both).await;
    let (_connection, channel) = stage.channel(&broker_uri()).await;
    let (name, durable) = (stage.name("q"), QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() });
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    // A look that has seen the other one come has seen this one, too.
    stage.subscribe(stage.queue("other"), &Scripted::always(Outcome::Done)).await;
    eventually("the other is there", async || !publisher.missing_queues().contains(&both[0])).await;
    assert_eq!(publisher.missing_queues(), std::slice::from_ref(&name), "it is not bound yet");

    let (exchange, bind) = (stage.settings.exchange.as_str(), QueueBindOptions::default());
    channel.queue_bind(name.as_str().into(), exchange.into(), "#".into(), bind, FieldTable::default()).await.unwrap();
    let consume = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let _consumer =
        channel.basic_consume(name.as_str().into(), "c".into(), consume, FieldTable::default()).await.unwrap();
    eventually("it is there", async || publisher.state().is_ok()).await;
    // A publisher that comes later has never seen it missing, consumed or not.
    drop(channel);
    let later = expecting(&stage, &["q"]);
    eventually("it is there for another one, too", async || later.state().is_ok()).await;
}
