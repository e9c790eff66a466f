//! A message counts as published only when the broker has it for good.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use service_kit::messaging::{ConsumerSettings, Destination, Outcome, Receipt};
use shared_events::{Pattern, WireMessage};

use crate::scripted::{Scripted, id, message};
use crate::support::{Proxy, Stage, brisk, broker_uri, eventually};

fn of_kind(number: u128, kind: &str) -> WireMessage {
    WireMessage { routing_key: kind.to_owned(), ..message(number) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_no_queue_takes_is_kept_by_its_sender() {
    let stage = Stage::new().await;
    let Receipt::Unrouted { after, reason } = stage.publish(&message(1)).await else { panic!() };
    assert_eq!(after, Duration::from_secs(30));
    assert!(reason.contains("\"user.created\"") && reason.contains(&stage.settings.exchange), "{reason}");
    assert_eq!(stage.metric("bank_messages_total", &["outcome=\"unroutable\""]), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_a_queue_that_is_not_there_names_it() {
    let stage = Stage::new().await;
    let receipt = stage.publish_to(Destination::Queue("nowhere".to_owned()), &message(1)).await;
    assert_eq!(
        receipt,
        Receipt::Unavailable { reason: "there is no queue \"nowhere\", or not for this user".to_owned() }
    );
}

/// The library attaches a return to whichever confirm comes next; taken at its word, some of these would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_each_unroutable_message_is_told_from_the_routed_ones() {
    let stage = Stage::new().await;
    let users = brisk(ConsumerSettings::new(&stage.name("users"), vec![Pattern::new("user.*")]));
    let consumer = Scripted::always(Outcome::Done);
    stage.subscribe(users, &consumer).await;
    let messages: Vec<_> = (1..=1000)
        .map(|number| if number % 3 == 0 { of_kind(number, "city.deleted") } else { message(number) })
        .collect();
    let receipts = join_all(messages.iter().map(|message| stage.publish(message))).await;
    for (message, receipt) in messages.iter().zip(&receipts) {
        let unroutable = matches!(receipt, Receipt::Unrouted { reason, .. } if reason.contains("city.deleted"));
        let expected = if message.routing_key == "city.deleted" { unroutable } else { *receipt == Receipt::Accepted };
        assert!(expected, "{}: {receipt:?}", message.routing_key);
    }
    eventually("all routed ones arrive", async || consumer.calls() == 667).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_declines_and_the_sender_keeps_the_message() {
    let stage = Stage::new().await;
    let (_connection, channel) = stage.channel(&broker_uri()).await;
    let mut arguments = FieldTable::default();
    for (name, value) in [("x-queue-type", "quorum"), ("x-overflow", "reject-publish")] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    let (name, exchange) = (stage.name("full"), stage.settings.exchange.clone());
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, arguments).await.unwrap();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind(name.as_str().into(), exchange.as_str().into(), "#".into(), bind, FieldTable::default())
        .await
        .unwrap();
    let refused = async || matches!(stage.publish(&message(1)).await, Receipt::Unavailable { reason } if reason.contains("declined"));
    eventually("it is full", refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_has_its_properties_and_headers_on_the_wire() {
    let stage = Stage::new().await;
    let (_connection, channel) = stage.channel(&broker_uri()).await;
    let name = stage.name("raw");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    let (exchange, bind) = (stage.settings.exchange.as_str().into(), QueueBindOptions::default());
    channel.queue_bind(name.as_str().into(), exchange, "user.*".into(), bind, FieldTable::default()).await.unwrap();
    assert_eq!(stage.publish(&message(1)).await, Receipt::Accepted);
    let raw = stage.take(&name).await.unwrap().delivery;
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
    let stage = Stage::at(&proxy.uri, |settings| {
        settings.confirm_limit = Duration::from_millis(500);
        settings.request_limit = Duration::from_secs(1);
    })
    .await;
    stage.subscribe(stage.queue("q"), &Scripted::always(Outcome::Done)).await;
    proxy.fall_silent();
    let receipt = stage.publish(&message(1)).await;
    assert!(matches!(&receipt, Receipt::Unavailable { reason } if reason.contains("500 ms")), "{receipt:?}");
    proxy.recover();
    stage.publish_until_accepted(&message(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_a_publish_says_so_at_once() {
    let proxy = Proxy::start().await;
    let stage = Stage::at(&proxy.uri, |_| {}).await;
    let consumer = Scripted::always(Outcome::Done);
    stage.subscribe(stage.queue("q"), &consumer).await;
    proxy.go_down();
    eventually("it is noticed", async || stage.publisher.state().is_err()).await;
    let started = Instant::now();
    for number in 1..=100 {
        assert!(matches!(stage.publish(&message(number)).await, Receipt::Unavailable { .. }));
    }
    // Waiting for its limit, each would take ten seconds.
    assert!(started.elapsed() < Duration::from_mins(2), "{:?}", started.elapsed());
    assert_eq!(stage.metric("bank_broker_connected", &["publisher"]), 0);
    proxy.recover();
    stage.publish_until_accepted(&message(1)).await;
    eventually("it is delivered", async || consumer.seen(id(1)) == 1).await;
    assert_eq!(stage.metric("bank_broker_connected", &["publisher"]), 1);
}
