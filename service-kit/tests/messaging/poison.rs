//! Poison becomes a dead letter alone, after three tries at most, with its reason.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use service_kit::messaging::{
    Consumer, ConsumerSettings, Delivery, HandlerResult, PublishResult, data_or_reject, decode_or_reject,
};
use shared_events::events::UserCreated;
use test_support::eventually;

use crate::outcomes::batches;
use crate::support::{Act, Scripted, TestBroker, id, message, pending, queue};

/// A consumer that fails on message 3 only.
fn spoilt_by(act: Act) -> std::sync::Arc<Scripted> {
    Scripted::new(
        move |delivery| {
            if delivery.message.event_id() == Ok(id(3)) { act.clone() } else { Act::Answer(HandlerResult::Done) }
        },
    )
}

async fn only_the_poison_pays(act: Act, reason: &str) {
    let fixture = TestBroker::new();
    let consumer = spoilt_by(act);
    fixture.subscribe(batches("q", 5), &consumer);
    let messages: Vec<_> = (1..=5).map(message).collect();
    let results = join_all(messages.iter().map(|message| fixture.publish_new(message))).await;
    for (number, result) in (1..).zip(&results) {
        if number == 3 {
            assert_eq!(pending(result, "q"), (1, 1));
        } else {
            assert_eq!(*result, PublishResult::Accepted, "message {number}");
        }
    }
    assert_eq!(consumer.calls(), 6, "the batch, and then each one alone");
    assert_eq!(fixture.publish_until_accepted(&message(3)).await, 3, "three tries in all");
    let [dead_letter] = &fixture.dead_letters.all()[..] else { panic!("one dead letter is expected") };
    assert_eq!(dead_letter.id(), id(3));
    assert!(
        dead_letter.reason.contains("after 3 crashes") && dead_letter.reason.contains(reason),
        "{}",
        dead_letter.reason
    );
}

#[tokio::test]
async fn a_panic_kills_only_the_message_that_causes_it() {
    only_the_poison_pays(Act::Panic, "panicked: poison").await;
}

#[tokio::test]
async fn a_time_out_kills_only_the_message_that_causes_it() {
    only_the_poison_pays(Act::Hang, "stopped after 50 ms").await;
}

#[tokio::test]
async fn a_handler_that_miscounts_has_crashed() {
    only_the_poison_pays(Act::Forget, "0 outcomes for 1 messages").await;
}

#[tokio::test]
async fn the_neighbours_are_served_while_a_message_hangs() {
    let fixture = TestBroker::new();
    let consumer = spoilt_by(Act::Hang);
    fixture
        .subscribe(ConsumerSettings { concurrency: 2, time_limit: Duration::from_mins(10), ..queue("q") }, &consumer);
    let poison = message(3);
    let hanging = tokio::time::timeout(Duration::from_secs(5), fixture.publish_new(&poison));
    let others: Vec<_> = [1, 2, 4, 5, 6].map(message).to_vec();
    let served = async {
        eventually("the poison is in", async || consumer.seen(id(3)) == 1).await;
        join_all(others.iter().map(|message| fixture.publish_new(message))).await
    };
    tokio::select! {
        _ = hanging => panic!("the poison came through first"),
        results = served => assert!(results.iter().all(|result| *result == PublishResult::Accepted)),
    }
}

/// A consumer with the usual calls to read a message.
struct Careful;

#[async_trait]
impl Consumer for Careful {
    async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
        let handle = |delivery| {
            let envelope = decode_or_reject(delivery)?;
            data_or_reject::<UserCreated>(&envelope).map(|_| HandlerResult::Done)
        };
        deliveries.iter().map(|delivery| handle(delivery).unwrap_or_else(|refused| refused)).collect()
    }
}

#[tokio::test]
async fn what_is_no_event_is_a_dead_letter_at_once_with_its_reason() {
    let fixture = TestBroker::new();
    fixture.broker.subscribe(queue("q"), std::sync::Arc::new(Careful)).unwrap();
    let good = String::from_utf8(message(1).body).unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"{".to_vec(), "EOF"),
        (b"\xff\xfe".to_vec(), "expected value"),
        (good.replace(r#""user_id":null,"#, "").into_bytes(), "missing field `user_id`"),
        (good.replace(r#""id":2"#, r#""id":"hunter2""#).into_bytes(), "does not fit user.created"),
        (vec![b' '; 16 * 1024 * 1024], "16777216 bytes"),
        ("[".repeat(100_000).into_bytes(), "invalid"),
    ];
    for (number, (body, reason)) in (10..).zip(cases) {
        let mut spoilt = message(number);
        spoilt.body = body;
        assert_eq!(fixture.publish_new(&spoilt).await, PublishResult::Accepted);
        let dead_letter =
            fixture.dead_letters.all().into_iter().find(|dead_letter| dead_letter.id() == id(number)).expect(reason);
        assert!(dead_letter.reason.contains(reason), "{} should tell of {reason}", dead_letter.reason);
        assert!(!dead_letter.reason.contains("hunter2"), "{}", dead_letter.reason);
        assert_eq!((dead_letter.attempts, dead_letter.message), (1, spoilt));
    }
    assert_eq!(fixture.publish_new(&message(1)).await, PublishResult::Accepted);
}

#[tokio::test]
async fn a_message_whose_id_is_unreadable_dies_under_an_id_of_its_content() {
    let fixture = TestBroker::new();
    fixture.broker.subscribe(queue("q"), std::sync::Arc::new(Careful)).unwrap();
    let mut nameless = message(1);
    nameless.properties.message_id = Some("../../etc/passwd".to_owned());
    assert_eq!(fixture.publish_new(&nameless).await, PublishResult::Accepted);
    let dead_letter = &fixture.dead_letters.all()[0];
    assert_eq!(dead_letter.id(), shared_events::EventId::from_content("user.created", &nameless.body));
    assert!(dead_letter.reason.contains("is not a UUID"), "{}", dead_letter.reason);
}
