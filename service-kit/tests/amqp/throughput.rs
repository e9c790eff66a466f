//! How much the promises cost: publishing and consuming beside a bare loop over the library.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use service_kit::messaging::{ConsumerSettings, Destination, Outcome, Receipt};

use shared_events::WireMessage;

use crate::scripted::{Scripted, message};
use crate::support::{Stage, broker_uri, eventually};

const MESSAGES: u128 = 10_000;
const IN_FLIGHT: usize = 256;

fn raw(message: &WireMessage) -> (BasicProperties, Vec<u8>) {
    let mut headers = FieldTable::default();
    for (name, value) in &message.headers {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    (BasicProperties::default().with_delivery_mode(2).with_headers(headers), message.body.clone())
}

/// Confirmed, persistent, to the same kind of queue, as many in flight; nothing else.
async fn bare(stage: &Stage, queue: &str) -> Duration {
    let (_connection, channel) = stage.channel(&broker_uri()).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let messages: Vec<_> = (1..=MESSAGES).map(|number| raw(&message(number))).collect();
    let started = Instant::now();
    let confirms = stream::iter(messages).map(async |(properties, body)| {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = channel.basic_publish("".into(), queue.into(), options, &body, properties).await.unwrap();
        assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
    });
    confirms.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
    started.elapsed()
}

async fn ours(stage: &Stage, queue: &str) -> Duration {
    let messages: Vec<_> = (1..=MESSAGES).map(message).collect();
    let started = Instant::now();
    let receipts = stream::iter(&messages).map(async |message| {
        let receipt = stage.publish_to(Destination::Queue(queue.to_owned()), message).await;
        assert_eq!(receipt, Receipt::Accepted);
    });
    receipts.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
    started.elapsed()
}

fn per_second(elapsed: Duration) -> f64 {
    10_000.0 / elapsed.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_are_published_and_consumed() {
    let stage = Stage::new().await;
    let queue = stage.name("q");
    let settings = ConsumerSettings { concurrency: 4, batch_size: 100, ..stage.queue("q") };
    // The queues are made, and nobody consumes while publishing is measured.
    stage.subscribe(settings.clone(), &Scripted::always(Outcome::Done)).await;
    assert!(stage.consumers.drain(Duration::from_secs(10)).await);
    let bare = bare(&stage, &queue).await;
    let ours = ours(&stage, &queue).await;

    let consumer = Scripted::always(Outcome::Done);
    let next = Stage::at(&broker_uri(), |amqp| amqp.exchange.clone_from(&stage.settings.exchange)).await;
    let started = Instant::now();
    next.subscribe(settings, &consumer).await;
    let done = async || next.metric("messages_total", &[&queue, "outcome=\"done\""]) == 20_000;
    eventually("all are consumed", done).await;
    let reading = started.elapsed();
    let (bare, ours, read) = (per_second(bare), per_second(ours), 2.0 * per_second(reading));
    eprintln!("published: {ours:.0}/s, bare {bare:.0}/s, ratio {:.2}; consumed: {read:.0}/s", ours / bare);
    assert!(ours / bare > 0.1, "the promises cost too much: {ours:.0}/s against {bare:.0}/s");
    eventually("all are acknowledged", async || stage.waiting(&queue).await == 0).await;
}
