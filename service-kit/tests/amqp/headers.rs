//! Messages with large headers: the broker takes a header frame of up to 128 KiB and passes it on whole.

use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use service_kit::messaging::amqp::dead_queue;
use service_kit::messaging::{DeadLetters as _, HandlerResult};
use test_support::eventually;

use crate::scripted::{Act, Scripted, id, message};
use crate::support::{BrokerFixture, broker_uri};

/// So many headers of so many bytes each.
fn headers(count: usize, bytes: usize) -> FieldTable {
    let mut table = FieldTable::default();
    for number in 0..count {
        table.insert(format!("x-header-{number}").into(), AMQPValue::LongString("x".repeat(bytes).into()));
    }
    table
}

async fn publish_foreign(fixture: &BrokerFixture, number: u128, headers: FieldTable) {
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let message = message(number);
    let properties = BasicProperties::default()
        .with_message_id(id(number).to_string().into())
        .with_type(message.routing_key.as_str().into())
        .with_headers(headers);
    let (exchange, key) = (fixture.settings.exchange.as_str().into(), message.routing_key.as_str().into());
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange, key, options, &message.body, properties).await.unwrap();
    assert!(confirm.await.unwrap().is_ack(), "the broker takes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_large_headers_costs_its_neighbours_no_delivery() {
    for (count, bytes) in [(60, 500), (4, 30_000), (1, 120_000)] {
        let fixture = BrokerFixture::new().await;
        let consumer = Scripted::new(|delivery| {
            let is_large = delivery.message.event_id().unwrap() == id(15);
            Act::Answer(if is_large { HandlerResult::reject("large") } else { HandlerResult::Done })
        });
        fixture.subscribe(fixture.queue("q"), &consumer).await;
        for number in 1..=30 {
            if number == 15 {
                publish_foreign(&fixture, number, headers(count, bytes)).await;
            } else {
                fixture.publish_until_accepted(&message(number)).await;
            }
        }
        let done = async || fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 29;
        eventually("all neighbours are done", done).await;
        let (dead_letters, queue) = (fixture.dead_letters(&["q"]), fixture.name("q"));
        eventually("it is a dead letter", async || fixture.waiting(&dead_queue(&queue)).await == 1).await;
        let listed = dead_letters.list(&queue, None, 100).await.unwrap();
        assert_eq!(
            listed.iter().map(|dead_letter| (dead_letter.id(), dead_letter.reason.as_str())).collect::<Vec<_>>(),
            [(id(15), "large")]
        );
        assert!((1..=30).all(|number| consumer.seen(id(number)) == 1), "each is delivered once");
        assert!(dead_letters.remove(&queue, id(15)).await.unwrap(), "it can be discarded");
    }
}
