//! Working through dead letters in process: nothing is lost, and no effect is doubled by a replay that succeeded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::messaging::dead_letters::{
    ActionResult, DeadLetterAction, DeadLetterAdmin as _, InProcessDeadLetterAdmin, Selection,
};
use service_kit::messaging::{DeadLetter, DeadLetters as _, HandlerResult};

use crate::support::{Act, Scripted, TestBroker, id, message, queue, start};

/// A broker whose consumer refuses until it is switched to accept, and the admin of its dead letters.
fn fixture(outcome: HandlerResult) -> (TestBroker, InProcessDeadLetterAdmin, Arc<Scripted>, Arc<AtomicBool>) {
    let fixture = TestBroker::new();
    let refuses = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refuses);
    let consumer = Scripted::new(move |_| {
        Act::Answer(if switch.load(Ordering::SeqCst) { outcome.clone() } else { HandlerResult::Done })
    });
    fixture.subscribe(queue("q"), &consumer);
    let admin = InProcessDeadLetterAdmin::new(
        fixture.dead_letters.clone(),
        Arc::new(fixture.broker.clone()),
        fixture.clock.clone(),
    );
    (fixture, admin, consumer, refuses)
}

async fn replay(admin: &InProcessDeadLetterAdmin, selection: &Selection) -> Vec<ActionResult> {
    admin
        .apply("q", DeadLetterAction::Replay, selection)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, results)| results)
        .collect()
}

#[tokio::test]
async fn a_replay_delivers_once_and_a_second_one_finds_nothing() {
    let (fixture, admin, consumer, refuses) = fixture(HandlerResult::reject("bad"));
    for number in 1..=3 {
        fixture.publish_new(&message(number)).await;
    }
    refuses.store(false, Ordering::SeqCst);
    let two = Selection::These(BTreeSet::from([id(1), id(2)]));
    assert_eq!(replay(&admin, &two).await, [ActionResult::Done, ActionResult::Done]);
    assert_eq!(replay(&admin, &two).await, [ActionResult::Missing, ActionResult::Missing]);
    assert_eq!(fixture.dead_letters.all().iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(3)]);
    assert_eq!(replay(&admin, &Selection::After(None)).await, [ActionResult::Done]);
    assert!(fixture.dead_letters.all().is_empty());
    assert!((1..=3).all(|number| consumer.seen(id(number)) == 2), "once each by the replay");
    assert!(consumer.calls.lock().unwrap().iter().flatten().all(|(_, attempt)| *attempt == 1));
}

#[tokio::test]
async fn a_dead_letter_stays_when_its_message_is_refused_again_or_not_done_yet() {
    for outcome in [HandlerResult::reject("still bad"), HandlerResult::retry("away")] {
        let (fixture, admin, consumer, _) = fixture(outcome);
        let dead_letter = DeadLetter {
            queue: "q".to_owned(),
            reason: "old".to_owned(),
            attempts: 5,
            died_at: start(),
            message: message(1),
        };
        fixture.dead_letters.add(dead_letter).await.unwrap();
        fixture.clock.advance(Duration::from_secs(1));
        let results = replay(&admin, &Selection::one(id(1))).await;
        assert!(matches!(results.as_slice(), [ActionResult::Kept { .. }]), "{results:?}");
        assert_eq!((fixture.dead_letters.all().len(), consumer.seen(id(1))), (1, 1));
    }
}

#[tokio::test]
async fn a_queue_without_a_consumer_keeps_its_dead_letters() {
    let (fixture, admin, _, _) = fixture(HandlerResult::Done);
    let dead_letter = DeadLetter {
        queue: "gone".to_owned(),
        reason: "old".to_owned(),
        attempts: 5,
        died_at: start(),
        message: message(1),
    };
    fixture.dead_letters.add(dead_letter).await.unwrap();
    let results = admin.apply("gone", DeadLetterAction::Replay, &Selection::After(None)).await.unwrap();
    assert!(
        matches!(results.as_slice(), [(_, ActionResult::Kept { reason })] if reason.contains("no such queue")),
        "{results:?}"
    );
    assert_eq!(fixture.dead_letters.all().len(), 1);
}

#[tokio::test]
async fn a_message_that_expired_is_not_replayed() {
    let (fixture, admin, consumer, _) = fixture(HandlerResult::Done);
    let mut message = message(1);
    message.properties.expiration = Some("60000".to_owned());
    let dead_letter =
        DeadLetter { queue: "q".to_owned(), reason: "old".to_owned(), attempts: 1, died_at: start(), message };
    fixture.dead_letters.add(dead_letter).await.unwrap();
    fixture.clock.advance(Duration::from_mins(2));
    let results = replay(&admin, &Selection::one(id(1))).await;
    assert!(matches!(results.as_slice(), [ActionResult::Kept { reason }] if reason.contains("expired")), "{results:?}");
    assert_eq!((fixture.dead_letters.all().len(), consumer.calls()), (1, 0));
}

#[tokio::test]
async fn a_discard_removes_what_is_selected_and_a_peek_removes_nothing() {
    let (fixture, admin, consumer, _) = fixture(HandlerResult::reject("bad"));
    for number in 1..=4 {
        fixture.publish_new(&message(number)).await;
    }
    let peeked = admin.peek("q", &Selection::After(Some(id(1)))).await.unwrap();
    assert_eq!(peeked.iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(2), id(3), id(4)]);
    let wanted = Selection::These(BTreeSet::from([id(2), id(9)]));
    let done = admin.apply("q", DeadLetterAction::Discard, &wanted).await.unwrap();
    assert_eq!(done, [(id(2), ActionResult::Done), (id(9), ActionResult::Missing)]);
    assert_eq!(
        admin.apply("q", DeadLetterAction::Discard, &Selection::After(Some(id(3)))).await.unwrap(),
        [(id(4), ActionResult::Done)]
    );
    assert_eq!(fixture.dead_letters.all().iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_eq!(consumer.calls(), 4, "nothing was delivered again");
}

#[tokio::test]
async fn a_request_whose_link_was_taken_out_is_not_replayed() {
    let (fixture, admin, consumer, _) = fixture(HandlerResult::Done);
    let mut message = message(1);
    message.routing_key = "email.requested".to_owned();
    let dead_letter =
        DeadLetter { queue: "q".to_owned(), reason: "old".to_owned(), attempts: 1, died_at: start(), message };
    fixture.dead_letters.add(dead_letter).await.unwrap();
    let results = replay(&admin, &Selection::one(id(1))).await;
    assert!(
        matches!(results.as_slice(), [ActionResult::Kept { reason }] if reason.contains("taken out")),
        "{results:?}"
    );
    assert_eq!((fixture.dead_letters.all().len(), consumer.calls()), (1, 0));
}
