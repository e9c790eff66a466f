//! An outage of a consumer's dependency pauses its queue and spends no attempts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use service_kit::messaging::{ConsumerSettings, HandlerResult, PublishResult, Publisher as _, QueueProgress};

use crate::outcomes::batches;
use crate::support::{Act, Scripted, TestBroker, id, message, pending, queue};

/// Done, unless the last probe of the dependency failed.
fn needs_dependency() -> std::sync::Arc<Scripted> {
    let consumer = Scripted::new(|delivery| {
        // Attempts are not spent, so they cannot distinguish the deliveries; the correlation id does.
        match delivery.message.properties.correlation_id.as_deref() {
            Some("works") => Act::Answer(HandlerResult::Done),
            _ => Act::Answer(HandlerResult::retry("refused")),
        }
    });
    consumer.is_down.store(true, Ordering::SeqCst);
    consumer
}

#[tokio::test]
async fn an_outage_pauses_the_queue_spends_nothing_and_its_end_is_announced() {
    let fixture = TestBroker::new();
    let consumer = needs_dependency();
    fixture.subscribe(queue("q"), &consumer);
    let mut resumed = fixture.broker.resumed();

    let result = fixture.publish_new(&message(1)).await;
    assert_eq!(pending(&result, "q"), (0, 0));
    let PublishResult::Later { after, progress, waiting_for, reason } = result else { panic!() };
    assert_eq!((after, waiting_for.as_deref()), (Duration::from_mins(1), Some("q")));
    assert_eq!(reason, "q: connection refused");
    assert!(fixture.broker.is_paused("q"));
    assert_eq!(fixture.metric("bank_consumer_paused", &[r#"queue="q""#]), 1);

    for number in 2..10 {
        assert_eq!(pending(&fixture.publish_new(&message(number)).await, "q"), (0, 0));
    }
    assert_eq!(consumer.calls(), 1, "nothing reaches the handler of a paused queue");

    consumer.is_down.store(false, Ordering::SeqCst);
    let name = tokio::time::timeout(Duration::from_mins(1), resumed.recv()).await.unwrap().unwrap();
    assert_eq!(name, "q");
    assert!(!fixture.broker.is_paused("q"));
    let mut again = message(1);
    again.properties.correlation_id = Some("works".to_owned());
    assert_eq!(fixture.publish(&again, &progress).await, PublishResult::Accepted);
    let last = consumer.calls.lock().unwrap().last().unwrap().clone();
    assert_eq!(last, [(id(1), 1)], "it is still the first attempt");
    assert!(fixture.dead_letters.all().is_empty());
    assert_eq!(fixture.metric("bank_consumer_paused", &[r#"queue="q""#]), 0);
}

#[tokio::test]
async fn a_time_out_during_an_outage_spends_nothing_and_is_met_once_per_batch() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Hang);
    consumer.is_down.store(true, Ordering::SeqCst);
    fixture.subscribe(batches("q", 50), &consumer);
    let messages: Vec<_> = (1..=50).map(message).collect();
    let results = join_all(messages.iter().map(|message| fixture.publish_new(message))).await;
    assert!(results.iter().all(|result| pending(result, "q") == (0, 0)));
    assert_eq!(consumer.calls(), 1);
}

#[tokio::test]
async fn a_paused_queue_does_not_hold_up_another() {
    let fixture = TestBroker::new();
    let (failing, well) = (needs_dependency(), Scripted::always(HandlerResult::Done));
    fixture.subscribe(queue("away"), &failing);
    fixture.subscribe(queue("well"), &well);
    for number in 1..=3 {
        let PublishResult::Later { progress, waiting_for, .. } = fixture.publish_new(&message(number)).await else {
            panic!()
        };
        assert_eq!(progress.get("well"), Some(&QueueProgress::Done));
        assert_eq!(waiting_for.as_deref(), Some("away"));
    }
    assert_eq!(well.calls(), 3);
}

#[tokio::test]
async fn a_dependency_whose_probe_panics_is_unavailable() {
    struct Broken;
    #[async_trait::async_trait]
    impl service_kit::messaging::Consumer for Broken {
        async fn handle(&self, deliveries: &[service_kit::messaging::Delivery]) -> Vec<HandlerResult> {
            deliveries.iter().map(|_| HandlerResult::retry("busy")).collect()
        }
        async fn dependency(&self) -> Result<(), String> {
            panic!("no connection")
        }
    }
    let fixture = TestBroker::new();
    fixture.broker.subscribe(queue("q"), std::sync::Arc::new(Broken)).unwrap();
    assert_eq!(pending(&fixture.publish_new(&message(1)).await, "q"), (0, 0));
    assert!(fixture.broker.is_paused("q"));
}

#[tokio::test]
async fn one_probe_watches_a_paused_queue_however_many_batches_failed() {
    let fixture = TestBroker::new();
    let consumer = needs_dependency();
    fixture.subscribe(ConsumerSettings { concurrency: 8, ..queue("q") }, &consumer);
    let mut resumed = fixture.broker.resumed();
    let messages: Vec<_> = (1..=100).map(message).collect();
    join_all(messages.iter().map(|message| fixture.publish_new(message))).await;
    consumer.is_down.store(false, Ordering::SeqCst);
    assert_eq!(tokio::time::timeout(Duration::from_mins(1), resumed.recv()).await.unwrap().unwrap(), "q");
    assert!(resumed.try_recv().is_err(), "the end of one pause is announced once");
}

#[tokio::test]
async fn a_crash_during_an_outage_still_counts() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Panic);
    consumer.is_down.store(true, Ordering::SeqCst);
    fixture.subscribe(queue("q"), &consumer);
    assert_eq!(pending(&fixture.publish_new(&message(1)).await, "q"), (1, 1));
    assert!(!fixture.broker.is_paused("q"));
}
