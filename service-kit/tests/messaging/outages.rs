//! An outage of what is behind a consumer pauses its queue and spends no attempts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use service_kit::messaging::{ConsumerSettings, Outcome, Publisher as _, QueueProgress, Receipt};

use crate::outcomes::batches;
use crate::support::{Act, House, Scripted, id, message, pending, queue};

/// Done, unless the dependency was down when asked last.
fn needs_dependency() -> std::sync::Arc<Scripted> {
    let consumer = Scripted::new(|delivery| {
        // Attempts are not spent, so they cannot tell; the correlation id does.
        match delivery.message.properties.correlation_id.as_deref() {
            Some("works") => Act::Say(Outcome::Done),
            _ => Act::Say(Outcome::retry("refused")),
        }
    });
    consumer.is_down.store(true, Ordering::SeqCst);
    consumer
}

#[tokio::test]
async fn an_outage_pauses_the_queue_spends_nothing_and_its_end_is_announced() {
    let house = House::new();
    let consumer = needs_dependency();
    house.subscribe(queue("q"), &consumer);
    let mut resumed = house.broker.resumed();

    let receipt = house.publish_new(&message(1)).await;
    assert_eq!(pending(&receipt, "q"), (0, 0));
    let Receipt::Later { after, progress, waiting_for, reason } = receipt else { panic!() };
    assert_eq!((after, waiting_for.as_deref()), (Duration::from_mins(1), Some("q")));
    assert_eq!(reason, "q: connection refused");
    assert!(house.broker.is_paused("q"));
    assert_eq!(house.metric("bank_consumer_paused", &[r#"queue="q""#]), 1);

    for number in 2..10 {
        assert_eq!(pending(&house.publish_new(&message(number)).await, "q"), (0, 0));
    }
    assert_eq!(consumer.calls(), 1, "nothing reaches the handler of a paused queue");

    consumer.is_down.store(false, Ordering::SeqCst);
    let name = tokio::time::timeout(Duration::from_mins(1), resumed.recv()).await.unwrap().unwrap();
    assert_eq!(name, "q");
    assert!(!house.broker.is_paused("q"));
    let mut again = message(1);
    again.properties.correlation_id = Some("works".to_owned());
    assert_eq!(house.publish(&again, &progress).await, Receipt::Accepted);
    let last = consumer.calls.lock().unwrap().last().unwrap().clone();
    assert_eq!(last, [(id(1), 1)], "it is still the first attempt");
    assert!(house.letters.all().is_empty());
    assert_eq!(house.metric("bank_consumer_paused", &[r#"queue="q""#]), 0);
}

#[tokio::test]
async fn a_time_out_during_an_outage_spends_nothing_and_is_met_once_per_batch() {
    let house = House::new();
    let consumer = Scripted::new(|_| Act::Hang);
    consumer.is_down.store(true, Ordering::SeqCst);
    house.subscribe(batches("q", 50), &consumer);
    let messages: Vec<_> = (1..=50).map(message).collect();
    let receipts = join_all(messages.iter().map(|message| house.publish_new(message))).await;
    assert!(receipts.iter().all(|receipt| pending(receipt, "q") == (0, 0)));
    assert_eq!(consumer.calls(), 1);
}

#[tokio::test]
async fn a_paused_queue_does_not_hold_up_another() {
    let house = House::new();
    let (away, well) = (needs_dependency(), Scripted::always(Outcome::Done));
    house.subscribe(queue("away"), &away);
    house.subscribe(queue("well"), &well);
    for number in 1..=3 {
        let Receipt::Later { progress, waiting_for, .. } = house.publish_new(&message(number)).await else { panic!() };
        assert_eq!(progress.get("well"), Some(&QueueProgress::Done));
        assert_eq!(waiting_for.as_deref(), Some("away"));
    }
    assert_eq!(well.calls(), 3);
}

#[tokio::test]
async fn a_dependency_that_panics_when_asked_is_away() {
    struct Broken;
    #[async_trait::async_trait]
    impl service_kit::messaging::Consumer for Broken {
        async fn handle(&self, deliveries: &[service_kit::messaging::Delivery]) -> Vec<Outcome> {
            deliveries.iter().map(|_| Outcome::retry("busy")).collect()
        }
        async fn dependency(&self) -> Result<(), String> {
            panic!("no connection")
        }
    }
    let house = House::new();
    house.broker.subscribe(queue("q"), std::sync::Arc::new(Broken)).unwrap();
    assert_eq!(pending(&house.publish_new(&message(1)).await, "q"), (0, 0));
    assert!(house.broker.is_paused("q"));
}

#[tokio::test]
async fn one_probe_watches_a_paused_queue_however_many_batches_failed() {
    let house = House::new();
    let consumer = needs_dependency();
    house.subscribe(ConsumerSettings { concurrency: 8, ..queue("q") }, &consumer);
    let mut resumed = house.broker.resumed();
    let messages: Vec<_> = (1..=100).map(message).collect();
    join_all(messages.iter().map(|message| house.publish_new(message))).await;
    consumer.is_down.store(false, Ordering::SeqCst);
    assert_eq!(tokio::time::timeout(Duration::from_mins(1), resumed.recv()).await.unwrap().unwrap(), "q");
    assert!(resumed.try_recv().is_err(), "the end of one pause is announced once");
}

#[tokio::test]
async fn a_crash_during_an_outage_still_counts() {
    let house = House::new();
    let consumer = Scripted::new(|_| Act::Panic);
    consumer.is_down.store(true, Ordering::SeqCst);
    house.subscribe(queue("q"), &consumer);
    assert_eq!(pending(&house.publish_new(&message(1)).await, "q"), (1, 1));
    assert!(!house.broker.is_paused("q"));
}
