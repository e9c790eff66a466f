//! Faults at a queue that heal or are reported.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::DateTime;
use lapin::options::{BasicGetOptions, BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::amqp::{dead_queue, retry_queue};
use service_kit::messaging::{
    AmqpConsumers, Consumer, ConsumerSettings, DeadLetters as _, Destination, HandlerResult, PublishResult,
};

use shared_events::events::{EmailRequest, EmailRequested};
use shared_events::{Envelope, WireMessage};
use test_support::eventually;

use crate::scripted::{Act, Scripted, id, message};
use crate::support::{BrokerFixture, broker_uri, rabbitmqctl};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_exists_with_other_arguments_is_named() {
    let fixture = BrokerFixture::new().await;
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let name = retry_queue(&fixture.name("q"), Duration::from_millis(200));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    fixture.consumers.subscribe(fixture.queue("q"), Scripted::always(HandlerResult::Done)).unwrap();
    let is_reported = async || fixture.consumers.state().is_err_and(|error| error.contains("other properties"));
    eventually("the difference is told", is_reported).await;
    let error = fixture.consumers.state().unwrap_err();
    assert!(error.contains(&name) && error.contains("inequivalent arg") && !error.contains('\n'), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_queue_that_was_deleted_is_made_again_and_the_message_is_not_lost() {
    let fixture = BrokerFixture::new().await;
    let consumer = Scripted::new(|delivery| {
        Act::Answer(if delivery.attempt == 1 { HandlerResult::retry("busy") } else { HandlerResult::Done })
    });
    fixture.subscribe(fixture.queue("q"), &consumer).await;
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let name = retry_queue(&fixture.name("q"), Duration::from_millis(100));
    channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is done", async || fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_broker_closes_is_made_again() {
    let fixture = BrokerFixture::new().await;
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("q"), &consumer).await;
    let connections = rabbitmqctl(&["list_connections", "pid", "client_properties"]);
    let line = connections.lines().find(|line| line.contains(&fixture.name("q"))).unwrap();
    rabbitmqctl(&["close_connection", line.split_whitespace().next().unwrap(), "maintenance"]);
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is delivered all the same", async || consumer.seen(id(1)) >= 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_in_flight_at_a_crash_come_again_marked_as_redelivered() {
    let fixture = BrokerFixture::new().await;
    let hanging = Scripted::new(|_| Act::Hang);
    let settings = fixture.queue("q");
    let first = AmqpConsumers::new(fixture.settings.clone(), Arc::clone(&fixture.metrics), Shutdown::new());
    first.subscribe(settings.clone(), Arc::clone(&hanging) as Arc<dyn Consumer>).unwrap();
    eventually("it consumes", async || first.state().is_ok()).await;
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is in the handler", async || hanging.calls() == 1).await;
    assert!(!first.drain(Duration::from_millis(50)).await, "it is stopped at the deadline");

    let again = Scripted::new(|delivery| {
        Act::Answer(if delivery.redelivered { HandlerResult::Done } else { HandlerResult::reject("not marked") })
    });
    fixture.subscribe(settings, &again).await;
    eventually("it is done", async || fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 1).await;
    assert_eq!(again.calls.lock().unwrap().concat(), [(id(1), 1)], "the attempt that was cut short is not counted");
}

/// A fixture whose broker has dead-lettered a message by itself, and the name of its queue.
async fn given_up_by_the_broker(message: &WireMessage) -> (BrokerFixture, String) {
    let fixture = BrokerFixture::new().await;
    fixture.subscribe(fixture.queue("q"), &Scripted::always(HandlerResult::Done)).await;
    assert!(fixture.consumers.drain(Duration::from_secs(10)).await);
    assert_eq!(fixture.publish(message).await, PublishResult::Accepted);
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    // RabbitMQ counts a rejection in every version, and a `basic.nack` only before 4.3.
    let (name, requeue) = (fixture.name("q"), BasicRejectOptions { requeue: true });
    eventually("the broker gives it up", async || {
        if let Some(got) = channel.basic_get(name.as_str().into(), BasicGetOptions::default()).await.unwrap() {
            assert!(got.delivery.acker.reject(requeue).await.unwrap());
        }
        fixture.waiting(&dead_queue(&name)).await == 1
    })
    .await;
    (fixture, name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_returned_again_and_again_becomes_a_dead_letter_of_the_brokers() {
    let (fixture, name) = given_up_by_the_broker(&message(1)).await;
    let dead_letters = fixture.dead_letters(&["q"]).list(&name, None, 10).await.unwrap();
    let [dead_letter] = &dead_letters[..] else { panic!("one dead letter is expected: {dead_letters:?}") };
    assert_eq!(
        (dead_letter.reason.as_str(), &dead_letter.message),
        ("the broker gave it up: delivery_limit", &message(1))
    );
}

/// The broker knows nothing of secrets, so its dead letter holds them until the first peek.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peek_at_a_dead_letter_of_the_brokers_takes_links_and_codes_out_of_the_queue() {
    let request = EmailRequest {
        template: "reset-password".to_owned(),
        to: "john.doe@example.com".to_owned(),
        params: [("link", "https://bank.example/reset/hush-hush"), ("code", "K7KM2PQX")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let secrets = ["hush-hush", "K7KM2PQX"];
    let envelope = Envelope::new(id(1), "urn:test", None, DateTime::UNIX_EPOCH, &EmailRequested(request)).unwrap();
    let requested = WireMessage::encode(&envelope).unwrap();
    let (fixture, name) = given_up_by_the_broker(&requested).await;
    let has_secrets = |body: &[u8]| secrets.iter().any(|secret| String::from_utf8_lossy(body).contains(secret));
    assert!(has_secrets(&requested.body));
    let dead_letters = fixture.dead_letters(&["q"]).list(&name, None, 10).await.unwrap();
    let [dead_letter] = &dead_letters[..] else { panic!("one dead letter is expected: {dead_letters:?}") };
    assert!(!has_secrets(&dead_letter.message.body) && dead_letter.id() == id(1), "{dead_letter:?}");
    assert_eq!(dead_letter.reason, "the broker gave it up: delivery_limit", "the copy keeps why");
    assert_eq!(fixture.waiting(&dead_queue(&name)).await, 1, "the copy stands in the original's place");
    let kept = fixture.take(&dead_queue(&name)).await.unwrap().delivery.data;
    assert!(!has_secrets(&kept), "{}", String::from_utf8_lossy(&kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_held_too_long_in_a_pause_are_put_back_unspent() {
    let fixture = BrokerFixture::at(&broker_uri(), |settings| settings.hold_limit = Duration::from_millis(100)).await;
    let consumer = Scripted::new(|_| Act::Answer(HandlerResult::retry("refused")));
    consumer.is_down.store(true, Ordering::SeqCst);
    let settings = ConsumerSettings { concurrency: 2, batch_size: 5, ..fixture.queue("q") };
    fixture.subscribe(settings, &consumer).await;
    for number in 1..=30 {
        fixture.publish_until_accepted(&message(number)).await;
    }
    eventually("the queue is paused", async || fixture.metric("bank_consumer_paused", &[]) == 1).await;
    eventually("all of them are back", async || fixture.waiting(&fixture.name("q")).await == 30).await;
    consumer.is_down.store(false, Ordering::SeqCst);
    let dead_letters = fixture.dead_letters(&["q"]);
    let all_dead = async || dead_letters.list(&fixture.name("q"), None, 100).await.unwrap().len() == 30;
    eventually("all are given up in the end", all_dead).await;
    let dead_letters = dead_letters.list(&fixture.name("q"), None, 100).await.unwrap();
    assert!(
        dead_letters
            .iter()
            .all(|dead_letter| dead_letter.attempts == 5 && dead_letter.message.routing_key == "user.created")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_drained_consumer_had_not_begun_goes_to_the_next_one() {
    let fixture = BrokerFixture::new().await;
    let slow = Scripted::new(|_| Act::Wait);
    let settings = ConsumerSettings { concurrency: 1, batch_size: 2, ..fixture.queue("q") };
    let first = AmqpConsumers::new(fixture.settings.clone(), Arc::clone(&fixture.metrics), Shutdown::new());
    first.subscribe(settings.clone(), Arc::clone(&slow) as Arc<dyn Consumer>).unwrap();
    eventually("it consumes", async || first.state().is_ok()).await;
    for number in 1..=10 {
        let to = Destination::Queue(fixture.name("q"));
        assert_eq!(fixture.publish_to(to, &message(number)).await, PublishResult::Accepted);
    }
    eventually("one batch is in the handler", async || slow.calls() == 1).await;
    let begun = slow.calls.lock().unwrap().concat().len();
    let mut drain = std::pin::pin!(first.drain(Duration::from_secs(10)));
    // The messages of the batch wait one after the other.
    for _ in 0..begun {
        let early = tokio::time::timeout(Duration::from_millis(50), &mut drain).await;
        assert!(early.is_err(), "the drain does not wait for the batch");
        slow.release.notify_one();
    }
    assert!(drain.await);
    assert_eq!(slow.calls(), 1, "nothing is begun during the drain");
    let next = Scripted::always(HandlerResult::Done);
    fixture.subscribe(settings, &next).await;
    eventually("the next one has the rest", async || next.calls.lock().unwrap().concat().len() == 10 - begun).await;
    assert_eq!(fixture.metric("bank_messages_total", &["outcome=\"done\""]), 10);
}
