//! A shutdown loses nothing: messages in a handler finish, and the others go back to their sender.

use std::time::Duration;

use service_kit::messaging::{ConsumerSettings, HandlerResult, PublishResult};
use test_support::eventually;

use crate::support::{Act, Scripted, TestBroker, message, pending, queue};

fn one_at_a_time() -> ConsumerSettings {
    ConsumerSettings { concurrency: 1, ..queue("q") }
}

#[tokio::test]
async fn a_drain_lets_handlers_finish_and_gives_waiting_messages_back() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Wait);
    fixture.subscribe(one_at_a_time(), &consumer);
    let (running, waiting, late) = (message(1), message(2), message(3));
    let drained = async {
        eventually("the first one is in the handler", async || consumer.calls() == 1).await;
        let drain = fixture.broker.drain(Duration::from_secs(5));
        let then = async {
            let refused = fixture.publish_new(&late).await;
            consumer.release.notify_one();
            refused
        };
        tokio::join!(drain, then)
    };
    let (first, second, (clean, refused)) =
        tokio::join!(fixture.publish_new(&running), fixture.publish_new(&waiting), drained);
    assert_eq!(first, PublishResult::Accepted);
    assert_eq!(pending(&second, "q"), (0, 0));
    assert!(matches!(refused, PublishResult::Unavailable { .. }), "{refused:?}");
    assert!(clean);
    assert_eq!(consumer.calls(), 1);
}

#[tokio::test]
async fn a_handler_that_is_not_done_by_the_deadline_is_stopped_and_its_message_is_not_lost() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Hang);
    fixture.subscribe(one_at_a_time(), &consumer);
    let (running, waiting) = (message(1), message(2));
    let drain = async {
        eventually("the first one is in the handler", async || consumer.calls() == 1).await;
        fixture.broker.drain(Duration::from_millis(30)).await
    };
    let (first, second, clean) = tokio::join!(fixture.publish_new(&running), fixture.publish_new(&waiting), drain);
    assert_eq!((pending(&first, "q"), pending(&second, "q")), ((0, 0), (0, 0)));
    assert!(!clean);
}

#[tokio::test]
async fn a_shutdown_signal_stops_the_workers_by_itself() {
    let fixture = TestBroker::new();
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(queue("q"), &consumer);
    assert_eq!(fixture.publish_new(&message(1)).await, PublishResult::Accepted);
    fixture.shutdown.begin();
    assert!(matches!(fixture.publish_new(&message(2)).await, PublishResult::Unavailable { .. }));
    assert!(fixture.broker.drain(Duration::from_secs(5)).await);
    assert!(fixture.broker.drain(Duration::from_secs(5)).await, "a second drain has nothing to do");
}
