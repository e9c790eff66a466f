//! Which queues a message reaches, and what the others' delays have to do with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::messaging::{
    ConsumerSettings, Destination, Outcome, Outgoing, Progress, Publisher as _, QueueProgress, Receipt, SubscribeError,
};
use shared_events::events::EmailRequested;
use shared_events::{Envelope, Event as _, Pattern, WireMessage};

use crate::support::{Act, House, Scripted, eventually, id, message, pending, queue, start};

#[tokio::test]
async fn the_second_try_reaches_only_the_queue_that_is_not_done() {
    let house = House::new();
    let done = Scripted::always(Outcome::Done);
    let once = AtomicBool::new(true);
    let slow = Scripted::new(move |_| {
        Act::Say(if once.swap(false, Ordering::SeqCst) { Outcome::retry("busy") } else { Outcome::Done })
    });
    house.subscribe(queue("done"), &done);
    house.subscribe(queue("slow"), &slow);
    let first = house.publish_new(&message(1)).await;
    assert_eq!(pending(&first, "slow"), (1, 0));
    let Receipt::Later { progress, after, .. } = first else { panic!() };
    assert_eq!(progress.get("done"), Some(&QueueProgress::Done));
    house.clock.advance(after);
    assert_eq!(house.publish(&message(1), &progress).await, Receipt::Accepted);
    assert_eq!((done.calls(), slow.calls()), (1, 2));
}

#[tokio::test]
async fn a_dead_queue_is_not_asked_again_while_another_retries() {
    let house = House::new();
    let (dead, slow) = (Scripted::always(Outcome::reject("bad")), Scripted::always(Outcome::retry("busy")));
    house.subscribe(queue("dead"), &dead);
    house.subscribe(queue("slow"), &slow);
    house.publish_until_accepted(&message(1)).await;
    assert_eq!((dead.calls(), slow.calls()), (1, 5));
    assert_eq!(house.letters.all().len(), 2);
}

#[tokio::test]
async fn a_queue_with_short_delays_does_not_spend_the_attempts_of_one_with_long_delays() {
    let house = House::new();
    let (short, long) = (Scripted::always(Outcome::retry("s")), Scripted::always(Outcome::retry("l")));
    let delays = |seconds| vec![Duration::from_secs(seconds)];
    house.subscribe(ConsumerSettings { retry_delays: delays(1), ..queue("short") }, &short);
    house.subscribe(ConsumerSettings { retry_delays: delays(10), ..queue("long") }, &long);
    let mut progress = Progress::default();
    for _ in 0..4 {
        let Receipt::Later { after, progress: next, .. } = house.publish(&message(1), &progress).await else {
            panic!()
        };
        assert_eq!(after, Duration::from_secs(1));
        house.clock.advance(after);
        progress = next;
    }
    assert_eq!((short.calls(), long.calls()), (4, 1));
}

#[tokio::test]
async fn a_message_reaches_the_queues_that_are_bound_to_its_key() {
    let house = House::new();
    let (users, banks) = (Scripted::always(Outcome::Done), Scripted::always(Outcome::Done));
    let bound = |name, pattern| ConsumerSettings::new(name, vec![Pattern::new(pattern)]);
    house.subscribe(bound("users", "user.*"), &users);
    house.subscribe(bound("banks", "bank.created"), &banks);
    assert_eq!(house.publish_new(&message(1)).await, Receipt::Accepted);
    assert_eq!((users.calls(), banks.calls()), (1, 0));
}

#[tokio::test]
async fn a_named_queue_is_reached_by_its_name_alone() {
    let house = House::new();
    let (replies, others) = (Scripted::always(Outcome::Done), Scripted::always(Outcome::Done));
    house.subscribe(ConsumerSettings::new("replies", Vec::new()), &replies);
    house.subscribe(queue("others"), &others);
    let to = |name: &str| Outgoing {
        message: message(1),
        destination: Destination::Queue(name.to_owned()),
        progress: Progress::default(),
    };
    assert_eq!(house.broker.publish(to("replies")).await, Receipt::Accepted);
    assert_eq!((replies.calls(), others.calls()), (1, 0));
    assert!(matches!(house.broker.publish(to("nowhere")).await, Receipt::Unavailable { .. }));
}

#[tokio::test]
async fn a_message_that_nobody_is_bound_to_is_kept_by_its_sender_and_counted() {
    let house = House::new();
    assert!(matches!(house.publish_new(&message(1)).await, Receipt::Unrouted { .. }));
    assert_eq!(house.metric("bank_messages_total", &[r#"outcome="unroutable""#]), 1);
}

#[tokio::test]
async fn an_expired_message_reaches_nobody() {
    let house = House::new();
    let consumer = Scripted::always(Outcome::Done);
    house.subscribe(queue("q"), &consumer);
    let mail = Envelope::new(id(1), "urn:test", None, start(), &EmailRequested::example()).unwrap();
    let mail = WireMessage::encode(&mail).unwrap();
    house.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(house.publish_new(&mail).await, Receipt::Accepted);
    assert_eq!(consumer.calls(), 1);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.publish_new(&mail).await, Receipt::Accepted);
    assert_eq!(consumer.calls(), 1);
    assert_eq!(house.metric("bank_messages_total", &[r#"outcome="expired""#]), 1);
}

#[tokio::test]
async fn a_full_queue_answers_at_once_and_spends_nothing() {
    let house = House::new();
    let consumer = Scripted::new(|_| Act::Wait);
    house.subscribe(ConsumerSettings { concurrency: 1, capacity: 1, ..queue("q") }, &consumer);
    let messages: Vec<_> = (1..=3).map(message).collect();
    let third = async {
        eventually("the first one is in the handler", || consumer.calls() == 1).await;
        let queued = house.publish_new(&messages[1]);
        let refused = async {
            tokio::task::yield_now().await;
            let receipt = house.publish_new(&messages[2]).await;
            consumer.release.notify_one();
            eventually("the second one is in the handler", || consumer.calls() == 2).await;
            consumer.release.notify_one();
            receipt
        };
        tokio::join!(queued, refused)
    };
    let (first, (second, refused)) = tokio::join!(house.publish_new(&messages[0]), third);
    assert_eq!((first, second), (Receipt::Accepted, Receipt::Accepted));
    let Receipt::Later { after, progress, waiting_for, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((after, progress, waiting_for), (Duration::from_millis(100), Progress::default(), None));
}

#[tokio::test]
async fn a_queue_has_one_consumer_and_sensible_settings() {
    let house = House::new();
    let consumer = Scripted::always(Outcome::Done);
    house.subscribe(queue("q"), &consumer);
    let again = house.broker.subscribe(queue("q"), Arc::clone(&consumer) as Arc<dyn service_kit::messaging::Consumer>);
    assert_eq!(again, Err(SubscribeError::Taken { queue: "q".to_owned() }));
    let zero = ConsumerSettings { batch_size: 0, ..queue("z") };
    assert!(matches!(house.broker.subscribe(zero, consumer), Err(SubscribeError::Zero { setting: "batch_size", .. })));
}
