//! Which queues a message reaches, and how the other queues' delays affect it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::messaging::{
    ConsumerSettings, Destination, HandlerResult, Outgoing, Progress, PublishResult, Publisher as _, QueueProgress,
    SubscribeError,
};
use shared_events::events::EmailRequested;
use shared_events::{Envelope, Event as _, Pattern, WireMessage};
use test_support::eventually;

use crate::support::{Act, Scripted, TestBroker, id, message, pending, queue, start};

#[tokio::test]
async fn the_second_try_reaches_only_the_queue_that_is_not_done() {
    let fixture = TestBroker::new();
    let done = Scripted::always(HandlerResult::Done);
    let once = AtomicBool::new(true);
    let slow = Scripted::new(move |_| {
        Act::Answer(if once.swap(false, Ordering::SeqCst) { HandlerResult::retry("busy") } else { HandlerResult::Done })
    });
    fixture.subscribe(queue("done"), &done);
    fixture.subscribe(queue("slow"), &slow);
    let first = fixture.publish_new(&message(1)).await;
    assert_eq!(pending(&first, "slow"), (1, 0));
    let PublishResult::Later { progress, after, .. } = first else { panic!() };
    assert_eq!(progress.get("done"), Some(&QueueProgress::Done));
    fixture.clock.advance(after);
    assert_eq!(fixture.publish(&message(1), &progress).await, PublishResult::Accepted);
    assert_eq!((done.calls(), slow.calls()), (1, 2));
}

#[tokio::test]
async fn a_dead_queue_is_not_tried_again_while_another_retries() {
    let fixture = TestBroker::new();
    let (dead, slow) = (Scripted::always(HandlerResult::reject("bad")), Scripted::always(HandlerResult::retry("busy")));
    fixture.subscribe(queue("dead"), &dead);
    fixture.subscribe(queue("slow"), &slow);
    fixture.publish_until_accepted(&message(1)).await;
    assert_eq!((dead.calls(), slow.calls()), (1, 5));
    assert_eq!(fixture.dead_letters.all().len(), 2);
}

#[tokio::test]
async fn a_queue_with_short_delays_does_not_spend_the_attempts_of_one_with_long_delays() {
    let fixture = TestBroker::new();
    let (short, long) = (Scripted::always(HandlerResult::retry("s")), Scripted::always(HandlerResult::retry("l")));
    let delays = |seconds| vec![Duration::from_secs(seconds)];
    fixture.subscribe(ConsumerSettings { retry_delays: delays(1), ..queue("short") }, &short);
    fixture.subscribe(ConsumerSettings { retry_delays: delays(10), ..queue("long") }, &long);
    let mut progress = Progress::default();
    for _ in 0..4 {
        let PublishResult::Later { after, progress: next, .. } = fixture.publish(&message(1), &progress).await else {
            panic!()
        };
        assert_eq!(after, Duration::from_secs(1));
        fixture.clock.advance(after);
        progress = next;
    }
    assert_eq!((short.calls(), long.calls()), (4, 1));
}

#[tokio::test]
async fn a_message_reaches_the_queues_that_are_bound_to_its_key() {
    let fixture = TestBroker::new();
    let (users, banks) = (Scripted::always(HandlerResult::Done), Scripted::always(HandlerResult::Done));
    let bound = |name, pattern| ConsumerSettings::new(name, vec![Pattern::new(pattern)]);
    fixture.subscribe(bound("users", "user.*"), &users);
    fixture.subscribe(bound("banks", "bank.created"), &banks);
    assert_eq!(fixture.publish_new(&message(1)).await, PublishResult::Accepted);
    assert_eq!((users.calls(), banks.calls()), (1, 0));
}

#[tokio::test]
async fn a_named_queue_is_reached_by_its_name_alone() {
    let fixture = TestBroker::new();
    let (replies, others) = (Scripted::always(HandlerResult::Done), Scripted::always(HandlerResult::Done));
    fixture.subscribe(ConsumerSettings::new("replies", Vec::new()), &replies);
    fixture.subscribe(queue("others"), &others);
    let to = |name: &str| Outgoing {
        message: message(1),
        destination: Destination::Queue(name.to_owned()),
        progress: Progress::default(),
    };
    assert_eq!(fixture.broker.publish(to("replies")).await, PublishResult::Accepted);
    assert_eq!((replies.calls(), others.calls()), (1, 0));
    assert!(matches!(fixture.broker.publish(to("nowhere")).await, PublishResult::Unavailable { .. }));
}

#[tokio::test]
async fn a_message_that_nobody_is_bound_to_is_kept_by_its_sender_and_counted() {
    let fixture = TestBroker::new();
    assert!(matches!(fixture.publish_new(&message(1)).await, PublishResult::Unrouted { .. }));
    assert_eq!(fixture.metric("bank_messages_total", &[r#"outcome="unroutable""#]), 1);
}

#[tokio::test]
async fn an_expired_message_reaches_nobody() {
    let fixture = TestBroker::new();
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(queue("q"), &consumer);
    let mail = Envelope::new(id(1), "urn:test", None, start(), &EmailRequested::example()).unwrap();
    let mail = WireMessage::encode(&mail).unwrap();
    fixture.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(fixture.publish_new(&mail).await, PublishResult::Accepted);
    assert_eq!(consumer.calls(), 1);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.publish_new(&mail).await, PublishResult::Accepted);
    assert_eq!(consumer.calls(), 1);
    assert_eq!(fixture.metric("bank_messages_total", &[r#"outcome="expired""#]), 1);
}

#[tokio::test]
async fn a_full_queue_answers_at_once_and_spends_nothing() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Wait);
    fixture.subscribe(ConsumerSettings { concurrency: 1, capacity: 1, ..queue("q") }, &consumer);
    let messages: Vec<_> = (1..=3).map(message).collect();
    let third = async {
        eventually("the first one is in the handler", async || consumer.calls() == 1).await;
        let queued = fixture.publish_new(&messages[1]);
        let refused = async {
            tokio::task::yield_now().await;
            let result = fixture.publish_new(&messages[2]).await;
            consumer.release.notify_one();
            eventually("the second one is in the handler", async || consumer.calls() == 2).await;
            consumer.release.notify_one();
            result
        };
        tokio::join!(queued, refused)
    };
    let (first, (second, refused)) = tokio::join!(fixture.publish_new(&messages[0]), third);
    assert_eq!((first, second), (PublishResult::Accepted, PublishResult::Accepted));
    let PublishResult::Later { after, progress, waiting_for, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((after, progress, waiting_for), (Duration::from_millis(100), Progress::default(), None));
}

#[tokio::test]
async fn a_queue_has_one_consumer_and_sensible_settings() {
    let fixture = TestBroker::new();
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(queue("q"), &consumer);
    let again =
        fixture.broker.subscribe(queue("q"), Arc::clone(&consumer) as Arc<dyn service_kit::messaging::Consumer>);
    assert_eq!(again, Err(SubscribeError::Taken { queue: "q".to_owned() }));
    let zero = ConsumerSettings { batch_size: 0, ..queue("z") };
    assert!(matches!(
        fixture.broker.subscribe(zero, consumer),
        Err(SubscribeError::Zero { setting: "batch_size", .. })
    ));
}
