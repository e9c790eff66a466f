//! Nothing is published before every expected queue exists.

use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    AmqpPublisher, Destination, HandlerResult, Outgoing, Progress, PublishResult, Publisher as _,
};
use service_kit::telemetry::Metrics;
use test_support::eventually;

use crate::scripted::{Scripted, message};
use crate::support::{BrokerFixture, broker_uri};

/// A publisher at the fixture's exchange that expects these queues.
fn expecting(fixture: &BrokerFixture, queues: &[&str]) -> AmqpPublisher {
    let mut settings = fixture.settings.clone();
    settings.expected_queues = queues.iter().map(|queue| fixture.name(queue)).collect();
    AmqpPublisher::start(settings, &Metrics::new(), Shutdown::new())
}

async fn publish(publisher: &AmqpPublisher) -> PublishResult {
    let outgoing = Outgoing { message: message(1), destination: Destination::Exchange, progress: Progress::default() };
    publisher.publish(outgoing).await
}

/// Each queue counts as missing before the first check; the state names those that a check has found missing.
async fn were_seen_missing(publisher: &AmqpPublisher, queues: &[String]) {
    let all_named = |reason: String| queues.iter().all(|queue| reason.contains(queue));
    eventually("the broker was asked for the queues", async || publisher.state().is_err_and(all_named)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_published_while_one_of_two_queues_is_missing() {
    let fixture = BrokerFixture::new().await;
    let publisher = expecting(&fixture, &["logs", "mails"]);
    were_seen_missing(&publisher, &[fixture.name("logs"), fixture.name("mails")]).await;
    let logs = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("logs"), &logs).await;
    eventually("one is waited for", async || publisher.missing_queues() == [fixture.name("mails")]).await;
    let PublishResult::Unavailable { reason } = publish(&publisher).await else { panic!("it was published") };
    assert!(reason.contains(&fixture.name("mails")) && !reason.contains(&fixture.name("logs")), "{reason}");

    let mails = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("mails"), &mails).await;
    eventually("it is published", async || publish(&publisher).await == PublishResult::Accepted).await;
    let both_received = async || logs.calls() == 1 && mails.calls() == 1;
    eventually("both have heard it", both_received).await;
    assert!(publisher.missing_queues().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_appears_counts_once_it_is_consumed() {
    let fixture = BrokerFixture::new().await;
    let publisher = expecting(&fixture, &["q", "other"]);
    let both = [fixture.name("other"), fixture.name("q")];
    were_seen_missing(&publisher, &both).await;
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let (name, durable) = (fixture.name("q"), QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() });
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    // A check that has found the other queue has covered this one, too.
    fixture.subscribe(fixture.queue("other"), &Scripted::always(HandlerResult::Done)).await;
    eventually("the other is there", async || !publisher.missing_queues().contains(&both[0])).await;
    assert_eq!(publisher.missing_queues(), std::slice::from_ref(&name), "it is not bound yet");

    let (exchange, bind) = (fixture.settings.exchange.as_str(), QueueBindOptions::default());
    channel.queue_bind(name.as_str().into(), exchange.into(), "#".into(), bind, FieldTable::default()).await.unwrap();
    let consume = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let _consumer =
        channel.basic_consume(name.as_str().into(), "c".into(), consume, FieldTable::default()).await.unwrap();
    eventually("it is there", async || publisher.state().is_ok()).await;
    // A publisher that starts later has never seen it missing, consumed or not.
    drop(channel);
    let later = expecting(&fixture, &["q"]);
    eventually("it is there for another one, too", async || later.state().is_ok()).await;
}
