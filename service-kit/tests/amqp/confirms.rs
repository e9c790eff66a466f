//! A message counts as published only when the broker has stored it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use service_kit::messaging::{ConsumerSettings, Destination, HandlerResult, PublishResult};
use shared_events::{Pattern, WireMessage};
use test_support::eventually;

use crate::scripted::{Scripted, id, message};
use crate::support::{BrokerFixture, Proxy, brisk, broker_uri};

fn of_kind(number: u128, kind: &str) -> WireMessage {
    WireMessage { routing_key: kind.to_owned(), ..message(number) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_no_queue_takes_is_kept_by_its_sender() {
    let fixture = BrokerFixture::new().await;
    let PublishResult::Unrouted { after, reason } = fixture.publish(&message(1)).await else { panic!() };
    assert_eq!(after, Duration::from_secs(30));
    assert!(reason.contains("\"user.created\"") && reason.contains(&fixture.settings.exchange), "{reason}");
    assert_eq!(fixture.metric("bank_messages_total", &["outcome=\"unroutable\""]), 1);
    assert_eq!(fixture.metric("bank_broker_publishes_total", &["result=\"returned\""]), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_a_queue_that_is_not_there_names_it() {
    let fixture = BrokerFixture::new().await;
    let result = fixture.publish_to(Destination::Queue("nowhere".to_owned()), &message(1)).await;
    assert_eq!(
        result,
        PublishResult::Unavailable { reason: "there is no queue \"nowhere\", or not for this user".to_owned() }
    );
}

/// The library attaches a return to whichever confirm comes next; without correction some of these messages would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_each_unroutable_message_is_distinguished_from_the_routed_ones() {
    let fixture = BrokerFixture::new().await;
    let users = brisk(ConsumerSettings::new(&fixture.name("users"), vec![Pattern::new("user.*")]));
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(users, &consumer).await;
    let messages: Vec<_> = (1..=1000)
        .map(|number| if number % 3 == 0 { of_kind(number, "city.deleted") } else { message(number) })
        .collect();
    let results = join_all(messages.iter().map(|message| fixture.publish(message))).await;
    for (message, result) in messages.iter().zip(&results) {
        let unroutable = matches!(result, PublishResult::Unrouted { reason, .. } if reason.contains("city.deleted"));
        let expected =
            if message.routing_key == "city.deleted" { unroutable } else { *result == PublishResult::Accepted };
        assert!(expected, "{}: {result:?}", message.routing_key);
    }
    eventually("all routed ones arrive", async || consumer.calls() == 667).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_declines_and_the_sender_keeps_the_message() {
    let fixture = BrokerFixture::new().await;
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let mut arguments = FieldTable::default();
    for (name, value) in [("x-queue-type", "quorum"), ("x-overflow", "reject-publish")] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    let (name, exchange) = (fixture.name("full"), fixture.settings.exchange.clone());
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, arguments).await.unwrap();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind(name.as_str().into(), exchange.as_str().into(), "#".into(), bind, FieldTable::default())
        .await
        .unwrap();
    let refused = async || matches!(fixture.publish(&message(1)).await, PublishResult::Unavailable { reason } if reason.contains("declined"));
    eventually("it is full", refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_has_its_properties_and_headers_on_the_wire() {
    let fixture = BrokerFixture::new().await;
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let name = fixture.name("raw");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    let (exchange, bind) = (fixture.settings.exchange.as_str().into(), QueueBindOptions::default());
    channel.queue_bind(name.as_str().into(), exchange, "user.*".into(), bind, FieldTable::default()).await.unwrap();
    assert_eq!(fixture.publish(&message(1)).await, PublishResult::Accepted);
    let raw = fixture.take(&name).await.unwrap().delivery;
    let properties = &raw.properties;
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(
        (text(properties.message_id()), text(properties.kind())),
        (id(1).to_string(), "user.created".to_owned())
    );
    assert_eq!(
        (text(properties.content_type()), *properties.delivery_mode()),
        ("application/json".to_owned(), Some(2))
    );
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers["cloudEvents_type"], AMQPValue::LongString("user.created".into()));
    assert_eq!(headers.len(), message(1).headers.len(), "nothing of the transport's");
    assert_eq!((raw.routing_key.as_str(), raw.data.clone()), ("user.created", message(1).body));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_falls_silent_is_given_up_within_the_limit_and_found_again() {
    let proxy = Proxy::start().await;
    let fixture = BrokerFixture::at(&proxy.uri, |settings| {
        settings.confirm_limit = Duration::from_millis(500);
        settings.request_limit = Duration::from_secs(1);
    })
    .await;
    fixture.subscribe(fixture.queue("q"), &Scripted::always(HandlerResult::Done)).await;
    proxy.fall_silent();
    let result = fixture.publish(&message(1)).await;
    assert!(matches!(&result, PublishResult::Unavailable { reason } if reason.contains("500 ms")), "{result:?}");
    proxy.recover();
    fixture.publish_until_accepted(&message(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_unavailable_a_publish_fails_at_once() {
    let proxy = Proxy::start().await;
    let fixture = BrokerFixture::at(&proxy.uri, |_| {}).await;
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("q"), &consumer).await;
    proxy.go_down();
    eventually("it is noticed", async || fixture.publisher.state().is_err()).await;
    let started = Instant::now();
    for number in 1..=100 {
        assert!(matches!(fixture.publish(&message(number)).await, PublishResult::Unavailable { .. }));
    }
    // If each waited for its limit, each would take ten seconds.
    assert!(started.elapsed() < Duration::from_mins(2), "{:?}", started.elapsed());
    assert_eq!(fixture.metric("bank_broker_connected", &["publisher"]), 0);
    proxy.recover();
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is delivered", async || consumer.seen(id(1)) == 1).await;
    assert_eq!(fixture.metric("bank_broker_connected", &["publisher"]), 1);
}
