//! Dead letters are worked through in process: nothing is lost, and nothing takes effect twice by a replay that succeeded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::messaging::dead_letters::{DeadLetterOffice as _, InProcessOffice, Wanted, Work, Worked};
use service_kit::messaging::{DeadLetter, DeadLetters as _, Outcome};

use crate::support::{Act, House, Scripted, id, message, queue, start};

/// A house whose consumer refuses until it is told not to, and the office of its letters.
fn house(outcome: Outcome) -> (House, InProcessOffice, Arc<Scripted>, Arc<AtomicBool>) {
    let house = House::new();
    let refuses = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refuses);
    let consumer =
        Scripted::new(move |_| Act::Say(if switch.load(Ordering::SeqCst) { outcome.clone() } else { Outcome::Done }));
    house.subscribe(queue("q"), &consumer);
    let office = InProcessOffice::new(house.letters.clone(), Arc::new(house.broker.clone()), house.clock.clone());
    (house, office, consumer, refuses)
}

async fn replay(office: &InProcessOffice, wanted: &Wanted) -> Vec<Worked> {
    office.work("q", Work::Replay, wanted).await.unwrap().into_iter().map(|(_, worked)| worked).collect()
}

#[tokio::test]
async fn a_replay_delivers_once_and_a_second_one_finds_nothing() {
    let (house, office, consumer, refuses) = house(Outcome::reject("bad"));
    for number in 1..=3 {
        house.publish_new(&message(number)).await;
    }
    refuses.store(false, Ordering::SeqCst);
    let two = Wanted::These(BTreeSet::from([id(1), id(2)]));
    assert_eq!(replay(&office, &two).await, [Worked::Done, Worked::Done]);
    assert_eq!(replay(&office, &two).await, [Worked::Missing, Worked::Missing]);
    assert_eq!(house.letters.all().iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(3)]);
    assert_eq!(replay(&office, &Wanted::After(None)).await, [Worked::Done]);
    assert!(house.letters.all().is_empty());
    assert!((1..=3).all(|number| consumer.seen(id(number)) == 2), "once each by the replay");
    assert!(consumer.calls.lock().unwrap().iter().flatten().all(|(_, attempt)| *attempt == 1));
}

#[tokio::test]
async fn a_letter_stays_when_its_message_is_refused_again_or_not_done_yet() {
    for outcome in [Outcome::reject("still bad"), Outcome::retry("away")] {
        let (house, office, consumer, _) = house(outcome);
        let letter = DeadLetter {
            queue: "q".to_owned(),
            reason: "old".to_owned(),
            attempts: 5,
            died_at: start(),
            message: message(1),
        };
        house.letters.add(letter).await.unwrap();
        house.clock.advance(Duration::from_secs(1));
        let worked = replay(&office, &Wanted::one(id(1))).await;
        assert!(matches!(worked.as_slice(), [Worked::Kept { .. }]), "{worked:?}");
        assert_eq!((house.letters.all().len(), consumer.seen(id(1))), (1, 1));
    }
}

#[tokio::test]
async fn a_queue_that_nobody_serves_keeps_its_letters() {
    let (house, office, _, _) = house(Outcome::Done);
    let letter = DeadLetter {
        queue: "gone".to_owned(),
        reason: "old".to_owned(),
        attempts: 5,
        died_at: start(),
        message: message(1),
    };
    house.letters.add(letter).await.unwrap();
    let worked = office.work("gone", Work::Replay, &Wanted::After(None)).await.unwrap();
    assert!(
        matches!(worked.as_slice(), [(_, Worked::Kept { reason })] if reason.contains("no such queue")),
        "{worked:?}"
    );
    assert_eq!(house.letters.all().len(), 1);
}

#[tokio::test]
async fn a_message_that_expired_is_not_replayed() {
    let (house, office, consumer, _) = house(Outcome::Done);
    let mut message = message(1);
    message.properties.expiration = Some("60000".to_owned());
    let letter = DeadLetter { queue: "q".to_owned(), reason: "old".to_owned(), attempts: 1, died_at: start(), message };
    house.letters.add(letter).await.unwrap();
    house.clock.advance(Duration::from_mins(2));
    let worked = replay(&office, &Wanted::one(id(1))).await;
    assert!(matches!(worked.as_slice(), [Worked::Kept { reason }] if reason.contains("expired")), "{worked:?}");
    assert_eq!((house.letters.all().len(), consumer.calls()), (1, 0));
}

#[tokio::test]
async fn a_discard_removes_what_it_is_told_and_a_look_removes_nothing() {
    let (house, office, consumer, _) = house(Outcome::reject("bad"));
    for number in 1..=4 {
        house.publish_new(&message(number)).await;
    }
    let looked = office.look("q", &Wanted::After(Some(id(1)))).await.unwrap();
    assert_eq!(looked.iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(2), id(3), id(4)]);
    let wanted = Wanted::These(BTreeSet::from([id(2), id(9)]));
    let done = office.work("q", Work::Discard, &wanted).await.unwrap();
    assert_eq!(done, [(id(2), Worked::Done), (id(9), Worked::Missing)]);
    assert_eq!(office.work("q", Work::Discard, &Wanted::After(Some(id(3)))).await.unwrap(), [(id(4), Worked::Done)]);
    assert_eq!(house.letters.all().iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_eq!(consumer.calls(), 4, "nothing was delivered again");
}

#[tokio::test]
async fn a_request_whose_link_was_taken_out_is_not_replayed() {
    let (house, office, consumer, _) = house(Outcome::Done);
    let mut message = message(1);
    message.routing_key = "email.requested".to_owned();
    let letter = DeadLetter { queue: "q".to_owned(), reason: "old".to_owned(), attempts: 1, died_at: start(), message };
    house.letters.add(letter).await.unwrap();
    let worked = replay(&office, &Wanted::one(id(1))).await;
    assert!(matches!(worked.as_slice(), [Worked::Kept { reason }] if reason.contains("taken out")), "{worked:?}");
    assert_eq!((house.letters.all().len(), consumer.calls()), (1, 0));
}
