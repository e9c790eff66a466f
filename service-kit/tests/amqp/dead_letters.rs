//! Dead letters in the broker are listed, shown, replayed and discarded, and none is lost by a peek.

use std::time::Duration;

use chrono::DateTime;
use service_kit::messaging::amqp::dead_queue;
use service_kit::messaging::dead_letters::{ActionResult, Backlog, DeadLetterAction, DeadLetterAdmin, Selection};
use service_kit::messaging::{AmqpDeadLetters, DeadLetter, DeadLetters as _, Destination, HandlerResult};
use shared_events::{EventId, WireMessage};
use test_support::eventually;

use crate::scripted::{Act, Scripted, id, message};
use crate::support::BrokerFixture;

fn ids(page: &[DeadLetter]) -> Vec<EventId> {
    page.iter().map(DeadLetter::id).collect()
}

/// A fixture with a queue whose first deliveries are all refused, and their dead letters.
async fn with_dead_letters(count: u128) -> (BrokerFixture, AmqpDeadLetters, String, std::sync::Arc<Scripted>) {
    let fixture = BrokerFixture::new().await;
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let consumer = Scripted::new(move |delivery| {
        let is_new = seen.lock().unwrap().insert(delivery.message.event_id().unwrap());
        Act::Answer(if is_new { HandlerResult::reject("bad") } else { HandlerResult::Done })
    });
    fixture.subscribe(fixture.queue("q"), &consumer).await;
    for number in 1..=count {
        fixture.publish_until_accepted(&message(number)).await;
    }
    let (dead_letters, queue) = (fixture.dead_letters(&["q", "none"]), fixture.name("q"));
    let all = u32::try_from(count).unwrap();
    eventually("all are given up", async || fixture.waiting(&dead_queue(&queue)).await == all).await;
    (fixture, dead_letters, queue, consumer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_kept_paged_and_discarded() {
    let (fixture, dead_letters, queue, _) = with_dead_letters(5).await;
    assert_eq!(dead_letters.queues().await.unwrap(), std::slice::from_ref(&queue));
    assert!(dead_letters.has_queue(&queue).await.unwrap());
    assert!(!dead_letters.has_queue(&fixture.name("none")).await.unwrap());
    assert_eq!(ids(&dead_letters.list(&queue, None, 2).await.unwrap()), [id(1), id(2)]);
    assert_eq!(ids(&dead_letters.list(&queue, Some(id(2)), 2).await.unwrap()), [id(3), id(4)]);
    assert_eq!(ids(&dead_letters.list(&queue, Some(id(4)), 100).await.unwrap()), [id(5)]);
    assert!(dead_letters.list(&fixture.name("none"), None, 10).await.unwrap().is_empty());
    assert_eq!(dead_letters.get(&queue, id(3)).await.unwrap().unwrap().reason, "bad");
    assert_eq!(dead_letters.get(&queue, id(9)).await.unwrap(), None);
    assert!(dead_letters.remove(&queue, id(3)).await.unwrap());
    assert!(!dead_letters.remove(&queue, id(3)).await.unwrap());
    assert_eq!(ids(&dead_letters.list(&queue, None, 100).await.unwrap()), [1, 2, 4, 5].map(id));
    let died_at = DateTime::from_timestamp(60, 5000).unwrap();
    let own = DeadLetter { queue: queue.clone(), reason: "own".to_owned(), attempts: 5, died_at, message: message(7) };
    dead_letters.add(own.clone()).await.unwrap();
    dead_letters.add(DeadLetter { reason: "again".to_owned(), ..own.clone() }).await.unwrap();
    let kept = dead_letters.get(&queue, id(7)).await.unwrap();
    assert_eq!(kept, Some(DeadLetter { reason: "again".to_owned(), ..own }), "the later one, as one");
    assert!(dead_letters.remove(&queue, id(7)).await.unwrap());
    assert_eq!(dead_letters.get(&queue, id(7)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_contents_with_one_id_none_is_removed_unseen() {
    let (_fixture, dead_letters, queue, _) = with_dead_letters(1).await;
    let died_at = DateTime::from_timestamp(60, 0).unwrap();
    let with_body = |body: &str| {
        let message = WireMessage { body: body.as_bytes().to_vec(), ..message(7) };
        DeadLetter { queue: queue.clone(), reason: "bad".to_owned(), attempts: 1, died_at, message }
    };
    for body in ["two", "one", "two"] {
        dead_letters.add(with_body(body)).await.unwrap();
    }
    for body in ["one", "two"] {
        assert_eq!(dead_letters.get(&queue, id(7)).await.unwrap(), Some(with_body(body)));
        assert_eq!(ids(&dead_letters.list(&queue, None, 10).await.unwrap()), [id(1), id(7)]);
        assert!(dead_letters.remove(&queue, id(7)).await.unwrap());
    }
    assert_eq!(ids(&dead_letters.list(&queue, None, 10).await.unwrap()), [id(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_peeks_lose_no_dead_letter() {
    let (fixture, dead_letters, queue, _) = with_dead_letters(3).await;
    for _ in 0..50 {
        assert_eq!(dead_letters.list(&queue, None, 10).await.unwrap().len(), 3);
        assert!(!dead_letters.remove(&queue, id(9)).await.unwrap());
    }
    eventually("all lie there", async || fixture.waiting(&dead_queue(&queue)).await == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_delivers_once_with_all_attempts_before_it_and_a_second_one_finds_nothing() {
    let (fixture, dead_letters, queue, consumer) = with_dead_letters(4).await;
    for number in [2, 3] {
        assert!(dead_letters.replay(&queue, id(number)).await.unwrap());
        assert!(!dead_letters.replay(&queue, id(number)).await.unwrap());
    }
    eventually("both are done", async || fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 2).await;
    assert_eq!(ids(&dead_letters.list(&queue, None, 10).await.unwrap()), [id(1), id(4)]);
    // The message published last comes last: everything that the replays had put into the queue has been consumed by then.
    fixture.publish_to(Destination::Queue(queue.clone()), &message(5)).await;
    eventually("the last one is consumed", async || consumer.seen(id(5)) > 0).await;
    assert_eq!((consumer.seen(id(2)), consumer.seen(id(3)), consumer.seen(id(1))), (2, 2, 1));
    assert!(consumer.calls.lock().unwrap().iter().flatten().all(|(_, attempt)| *attempt == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_to_a_queue_that_is_gone_fails_and_keeps_the_dead_letter() {
    let (fixture, dead_letters, queue, _) = with_dead_letters(1).await;
    assert!(fixture.consumers.drain(Duration::from_secs(10)).await);
    let (_connection, channel) = fixture.channel(&crate::support::broker_uri()).await;
    channel.queue_delete(queue.as_str().into(), lapin::options::QueueDeleteOptions::default()).await.unwrap();
    let error = dead_letters.replay(&queue, id(1)).await.unwrap_err();
    assert!(error.to_string().contains("there is no queue"), "{error}");
    eventually("it is there still", async || dead_letters.get(&queue, id(1)).await.unwrap().is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_or_all_are_replayed_or_discarded_at_once() {
    let (fixture, dead_letters, queue, consumer) = with_dead_letters(150).await;
    let some = Selection::These((1..=3).map(id).chain([id(999)]).collect());
    let done = dead_letters.apply(&queue, DeadLetterAction::Discard, &some).await.unwrap();
    assert_eq!(done.last(), Some(&(id(999), ActionResult::Missing)));
    assert!(done[..3].iter().all(|(_, worked)| *worked == ActionResult::Done), "{done:?}");
    let peeked = DeadLetterAdmin::peek(&dead_letters, &queue, &Selection::After(Some(id(148)))).await.unwrap();
    assert_eq!(ids(&peeked), [id(149), id(150)]);
    let done = dead_letters.apply(&queue, DeadLetterAction::Replay, &Selection::After(Some(id(3)))).await.unwrap();
    assert_eq!(done.len(), 147);
    assert!(done.iter().all(|(_, worked)| *worked == ActionResult::Done), "{done:?}");
    assert!(
        dead_letters.apply(&queue, DeadLetterAction::Replay, &Selection::After(None)).await.unwrap().is_empty(),
        "nothing is left"
    );
    eventually("all are done", async || fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 147).await;
    assert!((4..=150).all(|number| consumer.seen(id(number)) == 2));
    let idle = Backlog { consumers: 1, ..Backlog::default() };
    eventually("nothing waits", async || dead_letters.backlog(&queue).await.unwrap() == idle).await;
}

/// More acknowledgements than a quorum queue takes at once, with no two of them adjacent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_second_of_many_is_discarded_for_good() {
    let (_fixture, dead_letters, queue, _consumer) = with_dead_letters(150).await;
    let even: Vec<EventId> = (1..=75).map(|number| id(2 * number)).collect();
    let done = dead_letters
        .apply(&queue, DeadLetterAction::Discard, &Selection::These(even.iter().copied().collect()))
        .await
        .unwrap();
    assert!(done.len() == 75 && done.iter().all(|(_, worked)| *worked == ActionResult::Done), "{done:?}");
    for _ in 0..3 {
        let left = DeadLetterAdmin::peek(&dead_letters, &queue, &Selection::After(None)).await.unwrap();
        assert_eq!(ids(&left), (0..75).map(|number| id(2 * number + 1)).collect::<Vec<_>>());
    }
}

/// A copy that is confirmed although its original can no longer be discarded is delivered, and the dead letter stays: replayed
/// again it is the same event, which consumers recognise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_middle_loses_no_dead_letter() {
    let (fixture, direct, queue, consumer) = with_dead_letters(200).await;
    let proxy = crate::support::Proxy::start().await;
    let settings = service_kit::messaging::AmqpSettings::parse(&proxy.uri, &fixture.settings.exchange).unwrap();
    let clock = std::sync::Arc::new(service_kit::clock::SystemClock);
    let dead_letters = AmqpDeadLetters::new(settings, vec![queue.clone()], clock);
    for pause_ms in [0, 20, 40, 60, 80, 100, 140, 180] {
        let breaking = async {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            proxy.go_down();
        };
        let (outcome, ()) =
            tokio::join!(dead_letters.apply(&queue, DeadLetterAction::Replay, &Selection::After(None)), breaking);
        drop(outcome);
        proxy.recover();
    }
    eventually("what is left is replayed", async || {
        direct.apply(&queue, DeadLetterAction::Replay, &Selection::After(None)).await.is_ok()
            && direct.list(&queue, None, 1).await.is_ok_and(|left| left.is_empty())
    })
    .await;
    eventually("all are delivered", async || (1..=200).all(|number| consumer.seen(id(number)) >= 2)).await;
    drop(fixture);
}
