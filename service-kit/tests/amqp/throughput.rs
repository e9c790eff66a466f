//! A backlog of many messages: published in batches of confirms, consumed in batches. The benchmark measures the rate.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use service_kit::messaging::{ConsumerSettings, Destination, HandlerResult, PublishResult};
use test_support::eventually;

use crate::scripted::{Scripted, message};
use crate::support::{BrokerFixture, broker_uri};

const MESSAGES: u128 = 10_000;
const IN_FLIGHT: usize = 256;

async fn publish(fixture: &BrokerFixture, queue: &str) {
    let messages: Vec<_> = (1..=MESSAGES).map(message).collect();
    let results = stream::iter(&messages).map(async |message| {
        let result = fixture.publish_to(Destination::Queue(queue.to_owned()), message).await;
        assert_eq!(result, PublishResult::Accepted);
    });
    results.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_are_published_and_consumed() {
    let fixture = BrokerFixture::new().await;
    let queue = fixture.name("q");
    let settings = ConsumerSettings { concurrency: 4, batch_size: 100, ..fixture.queue("q") };
    // The queues are made, and nothing is consumed while the backlog grows.
    fixture.subscribe(settings.clone(), &Scripted::always(HandlerResult::Done)).await;
    assert!(fixture.consumers.drain(Duration::from_secs(10)).await);
    publish(&fixture, &queue).await;

    let consumer = Scripted::always(HandlerResult::Done);
    let next = BrokerFixture::at(&broker_uri(), |amqp| amqp.exchange.clone_from(&fixture.settings.exchange)).await;
    next.subscribe(settings, &consumer).await;
    let done = async || next.metric("bank_messages_total", &[&queue, "outcome=\"done\""]) == 10_000;
    eventually("all are consumed", done).await;
    eventually("all are acknowledged", async || fixture.waiting(&queue).await == 0).await;
}
