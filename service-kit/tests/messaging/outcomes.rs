//! The consequences of each result of a handler.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use service_kit::messaging::{
    Consumer as _, ConsumerSettings, DeadLetter, Delivery, HandlerResult, Progress, PublishResult, QueueProgress,
};
use test_support::eventually;

use crate::support::{Act, Scripted, TestBroker, id, message, pending, queue};

#[tokio::test]
async fn done_and_skipped_are_accepted_and_counted_apart() {
    let fixture = TestBroker::new();
    fixture.subscribe(queue("done"), &Scripted::always(HandlerResult::Done));
    fixture.subscribe(queue("skipped"), &Scripted::always(HandlerResult::Skipped));
    assert_eq!(fixture.publish_new(&message(1)).await, PublishResult::Accepted);
    assert_eq!(fixture.metric("bank_messages_total", &[r#"queue="done""#, r#"outcome="done""#]), 1);
    assert_eq!(fixture.metric("bank_messages_total", &[r#"queue="skipped""#, r#"outcome="skipped""#]), 1);
    assert_eq!(fixture.metric("bank_messages_in_flight", &[r#"queue="done""#]), 0);
    assert_eq!(fixture.metric("bank_message_handle_seconds_count", &[r#"queue="done""#]), 1);
    assert_eq!(fixture.metric("bank_message_age_seconds_count", &[r#"queue="done""#]), 1);
    assert!(fixture.dead_letters.all().is_empty());
}

#[tokio::test]
async fn each_retry_waits_longer_and_the_fifth_failure_is_a_dead_letter() {
    let fixture = TestBroker::new();
    let consumer = Scripted::always(HandlerResult::retry("mailbox busy"));
    fixture.subscribe(queue("q"), &consumer);
    let mut progress = Progress::default();
    for (attempt, delay) in [(1, 5), (2, 30), (3, 120), (4, 600)] {
        let result = fixture.publish(&message(1), &progress).await;
        assert_eq!(pending(&result, "q"), (attempt, 0));
        let PublishResult::Later { after, progress: next, waiting_for, reason } = result else { panic!() };
        assert_eq!((after, waiting_for, reason.as_str()), (Duration::from_secs(delay), None, "q: mailbox busy"));
        // As the sender stores it between attempts.
        progress = serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
        fixture.clock.advance(after);
    }
    assert_eq!(fixture.publish(&message(1), &progress).await, PublishResult::Accepted);
    let [dead_letter] = &fixture.dead_letters.all()[..] else { panic!("one dead letter is expected") };
    assert_eq!((dead_letter.queue.as_str(), dead_letter.attempts, dead_letter.message.clone()), ("q", 5, message(1)));
    assert!(dead_letter.reason.contains("mailbox busy"), "{}", dead_letter.reason);
    let attempts: Vec<u32> = consumer.calls.lock().unwrap().iter().flatten().map(|(_, attempt)| *attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    assert_eq!(fixture.metric("bank_dead_letters_total", &[r#"queue="q""#]), 1);
    assert_eq!(fixture.metric("bank_message_age_seconds_count", &[r#"queue="q""#]), 1, "of the first attempt only");
}

#[tokio::test]
async fn a_message_published_before_its_next_attempt_is_due_does_not_reach_the_handler() {
    let fixture = TestBroker::new();
    let consumer = Scripted::always(HandlerResult::retry("busy"));
    fixture.subscribe(queue("q"), &consumer);
    let PublishResult::Later { progress, .. } = fixture.publish_new(&message(1)).await else { panic!() };
    fixture.clock.advance(Duration::from_secs(2));
    let early = fixture.publish(&message(1), &progress).await;
    assert!(matches!(early, PublishResult::Later { after, .. } if after == Duration::from_secs(3)), "{early:?}");
    assert_eq!(consumer.calls(), 1);
}

#[tokio::test]
async fn a_rejected_message_is_a_dead_letter_at_once() {
    let fixture = TestBroker::new();
    fixture.subscribe(queue("q"), &Scripted::always(HandlerResult::reject("no such template")));
    assert_eq!(fixture.publish_new(&message(1)).await, PublishResult::Accepted);
    let dead_letter = &fixture.dead_letters.all()[0];
    assert_eq!((dead_letter.reason.as_str(), dead_letter.attempts, dead_letter.id()), ("no such template", 1, id(1)));
}

#[tokio::test]
async fn outcomes_of_a_batch_belong_to_their_messages() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|delivery| match delivery.message.event_id().unwrap() {
        one if one == id(1) => Act::Answer(HandlerResult::retry("busy")),
        two if two == id(2) => Act::Answer(HandlerResult::reject("bad")),
        _ => Act::Answer(HandlerResult::Done),
    });
    fixture.subscribe(batches("q", 4), &consumer);
    let messages: Vec<_> = (1..=4).map(message).collect();
    let results = futures_util::future::join_all(messages.iter().map(|message| fixture.publish_new(message))).await;
    assert_eq!(consumer.calls(), 1, "they came as one batch");
    assert_eq!(pending(&results[0], "q"), (1, 0));
    assert!(results[1..].iter().all(|result| *result == PublishResult::Accepted), "{results:?}");
    assert_eq!(fixture.dead_letters.all().iter().map(DeadLetter::id).collect::<Vec<_>>(), [id(2)]);
}

#[tokio::test]
async fn no_more_handlers_run_at_once_than_allowed_and_no_fewer() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Wait);
    fixture.subscribe(ConsumerSettings { concurrency: 3, ..queue("q") }, &consumer);
    let messages: Vec<_> = (1..=9).map(message).collect();
    let release = async {
        eventually("three are in", async || consumer.calls() == 3).await;
        let done = async || {
            consumer.release.notify_waiters();
            fixture.metric("bank_messages_total", &["outcome=\"done\""]) == 9
        };
        eventually("all are done", done).await;
    };
    let published = futures_util::future::join_all(messages.iter().map(|message| fixture.publish_new(message)));
    let (results, ()) = tokio::join!(published, release);
    assert!(results.iter().all(|result| *result == PublishResult::Accepted));
    assert_eq!(consumer.most_running.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_sender_that_stops_waiting_costs_the_queue_nothing() {
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| Act::Wait);
    fixture.subscribe(ConsumerSettings { concurrency: 1, ..queue("q") }, &consumer);
    let (first, second) = (message(1), message(2));
    let cancelled = tokio::time::timeout(Duration::from_millis(20), fixture.publish_new(&first)).await;
    assert!(cancelled.is_err());
    consumer.release.notify_one();
    consumer.release.notify_one();
    let next = async {
        eventually("the second one arrives", async || consumer.calls() == 2).await;
        consumer.release.notify_one();
    };
    let (result, ()) = tokio::join!(fixture.publish_new(&second), next);
    assert_eq!(result, PublishResult::Accepted);
}

#[test]
fn progress_has_a_stable_form_in_the_store() {
    let text = r#"{"a":"done","b":"dead","c":{"pending":{"attempts":2,"panics":1}}}"#;
    let progress: Progress = serde_json::from_str(text).unwrap();
    assert_eq!(progress.get("c"), Some(&QueueProgress::Pending { attempts: 2, panics: 1, postponed: 0, due: None }));
    assert_eq!(serde_json::to_string(&progress).unwrap(), text);
}

#[tokio::test]
async fn each_delivery_is_logged_and_never_its_body() {
    // The other tests of this process write to the same log: this one searches for a message that no other has.
    let (lines, number) = (captured_log(), 4711);
    let fixture = TestBroker::new();
    let consumer = Scripted::new(|_| {
        tracing::info!("in the handler");
        Act::Answer(HandlerResult::retry("busy"))
    });
    fixture.subscribe(queue("q"), &consumer);
    fixture.publish_new(&message(number)).await;
    let (text, id) = (lines.text(), id(number).to_string());
    let of_this = |words: &str| text.lines().find(|line| line.contains(words) && line.contains(&id)).unwrap();
    let line = of_this("message to be tried again");
    for expected in ["user.created", "queue=\"q\"", "attempt=1"] {
        assert!(line.contains(expected), "{expected} in {line}");
    }
    let inside = of_this("in the handler");
    assert!(inside.contains("handle{"), "{inside}");
    assert!(!text.contains("john.doe"), "{text}");
}

#[tokio::test]
async fn a_consumer_without_a_dependency_is_always_available() {
    struct Plain;
    #[async_trait::async_trait]
    impl service_kit::messaging::Consumer for Plain {
        async fn handle(&self, deliveries: &[Delivery]) -> Vec<HandlerResult> {
            deliveries.iter().map(|_| HandlerResult::Done).collect()
        }
    }
    assert_eq!(Plain.dependency().await, Ok(()));
}

pub(crate) fn batches(name: &str, size: usize) -> ConsumerSettings {
    ConsumerSettings {
        concurrency: 1,
        batch_size: size,
        linger: Duration::from_millis(500),
        time_limit: Duration::from_millis(50),
        ..queue(name)
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log of the whole process from now on. A log of a single thread would miss lines: whether a line is of interest is
/// remembered across threads.
fn captured_log() -> Lines {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).expect("nobody else sets the log of this process");
    lines
}
