//! The cases of the transport contract.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use service_kit::messaging::{
    Consumer, ConsumerSettings, Delivery, Destination, HandlerResult, SubscribeError, data_or_reject, decode_or_reject,
};
use shared_events::events::{EmailRequested, UserCreated};
use shared_events::{Envelope, Event as _, EventId, WireMessage};
use test_support::eventually;

use super::transports::Transport;
use crate::scripted::{Act, Scripted, id, message, start};

pub(super) async fn done_and_skipped_are_counted_apart(transport: &impl Transport) {
    let (done, skipped) = (Scripted::always(HandlerResult::Done), Scripted::always(HandlerResult::Skipped));
    transport.subscribe(transport.queue("done"), done).unwrap();
    transport.subscribe(transport.queue("skipped"), skipped).unwrap();
    transport.ready().await;
    transport.send(&message(1)).await;
    for outcome in ["done", "skipped"] {
        let (queue, label) = (transport.name(outcome), format!("outcome=\"{outcome}\""));
        let counted = async || transport.metric("bank_messages_total", &[&queue, &label]) == 1;
        eventually(outcome, counted).await;
        eventually("nothing is in flight", async || transport.metric("bank_messages_in_flight", &[&queue]) == 0).await;
        assert!(transport.dead_letters(outcome).await.is_empty());
    }
}

pub(super) async fn a_failing_message_is_tried_again_after_each_delay_until_it_is_a_dead_letter(
    transport: &impl Transport,
) {
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&times);
    let consumer = Scripted::new(move |delivery| {
        log.lock().unwrap().push((Instant::now(), delivery.redelivered));
        Act::Answer(HandlerResult::retry("mailbox busy"))
    });
    transport.subscribe(transport.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    transport.send(&message(1)).await;
    eventually("it is given up", async || transport.dead_letters("q").await.len() == 1).await;
    let dead_letter = transport.dead_letters("q").await.remove(0);
    assert_eq!((dead_letter.attempts, dead_letter.id(), dead_letter.queue.clone()), (5, id(1), transport.name("q")));
    assert_eq!(dead_letter.reason, "given up after 5 attempts: mailbox busy");
    assert_eq!(dead_letter.message, message(1), "it is what was sent");
    let attempts: Vec<u32> = consumer.calls.lock().unwrap().iter().flatten().map(|(_, attempt)| *attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    let times = times.lock().unwrap();
    let again: Vec<bool> = times.iter().map(|(_, again)| *again).collect();
    assert_eq!(again, [false, true, true, true, true]);
    for (pair, delay_ms) in times.windows(2).zip([100, 200, 300, 400]) {
        let waited = pair[1].0 - pair[0].0;
        assert!(waited >= Duration::from_millis(delay_ms - 5), "{waited:?} for {delay_ms} ms");
    }
    assert_eq!(transport.metric("bank_dead_letters_total", &[&transport.name("q")]), 1);
}

pub(super) async fn a_rejected_message_is_a_dead_letter_at_once(transport: &impl Transport) {
    transport.subscribe(transport.queue("q"), Scripted::always(HandlerResult::reject("no such template"))).unwrap();
    transport.ready().await;
    transport.send(&message(1)).await;
    eventually("it is given up", async || transport.dead_letters("q").await.len() == 1).await;
    let dead_letter = transport.dead_letters("q").await.remove(0);
    assert_eq!((dead_letter.reason.as_str(), dead_letter.attempts), ("no such template", 1));
}

pub(super) async fn a_panic_costs_only_the_message_that_causes_it(transport: &impl Transport) {
    only_the_poison_pays(transport, Act::Panic, "panicked: poison").await;
}

pub(super) async fn a_time_out_costs_only_the_message_that_causes_it(transport: &impl Transport) {
    only_the_poison_pays(transport, Act::Hang, "stopped after 50 ms").await;
}

pub(super) async fn a_handler_that_miscounts_has_crashed(transport: &impl Transport) {
    only_the_poison_pays(transport, Act::Forget, "0 outcomes for 1 messages").await;
}

async fn only_the_poison_pays(transport: &impl Transport, act: Act, reason: &str) {
    let consumer = Scripted::new(move |delivery| {
        if delivery.message.event_id() == Ok(id(3)) { act.clone() } else { Act::Answer(HandlerResult::Done) }
    });
    transport.subscribe(batches(transport, 5), consumer).unwrap();
    transport.ready().await;
    send_all(transport, 5).await;
    eventually("the poison is given up", async || transport.dead_letters("q").await.len() == 1).await;
    let dead_letter = transport.dead_letters("q").await.remove(0);
    assert_eq!((dead_letter.id(), dead_letter.attempts), (id(3), 3));
    assert!(
        dead_letter.reason.contains("after 3 crashes") && dead_letter.reason.contains(reason),
        "{}",
        dead_letter.reason
    );
    let done = async || transport.metric("bank_messages_total", &[&transport.name("q"), "outcome=\"done\""]) == 4;
    eventually("the others are done", done).await;
}

pub(super) async fn outcomes_of_a_batch_belong_to_their_messages(transport: &impl Transport) {
    let consumer = Scripted::new(|delivery| match (delivery.message.event_id().unwrap(), delivery.attempt) {
        (one, 1) if one == id(1) => Act::Answer(HandlerResult::retry("busy")),
        (two, _) if two == id(2) => Act::Answer(HandlerResult::reject("bad")),
        _ => Act::Answer(HandlerResult::Done),
    });
    transport.subscribe(batches(transport, 4), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    send_all(transport, 4).await;
    let counted = |outcome: &str| {
        transport.metric("bank_messages_total", &[&transport.name("q"), &format!("outcome=\"{outcome}\"")])
    };
    eventually("three are done", async || counted("done") == 3).await;
    assert_eq!((counted("retry"), counted("dead")), (1, 1));
    assert_eq!((consumer.seen(id(1)), consumer.seen(id(2)), consumer.seen(id(3))), (2, 1, 1));
    eventually("one is given up", async || transport.dead_letters("q").await.len() == 1).await;
    assert_eq!(transport.dead_letters("q").await.remove(0).id(), id(2));
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

pub(super) async fn what_is_no_event_is_a_dead_letter_with_its_reason(transport: &impl Transport) {
    transport.subscribe(transport.queue("q"), Arc::new(Careful)).unwrap();
    transport.ready().await;
    let good = String::from_utf8(message(1).body).unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"{".to_vec(), "EOF"),
        (b"\xff\xfe".to_vec(), "expected value"),
        (good.replace(r#""user_id":null,"#, "").into_bytes(), "missing field `user_id`"),
        (vec![b' '; 16 * 1024 * 1024], "16777216 bytes"),
        ("[".repeat(100_000).into_bytes(), "invalid"),
    ];
    for (number, (body, _)) in (10..).zip(&cases) {
        transport.send(&WireMessage { body: body.clone(), ..message(number) }).await;
    }
    let mut nameless = message(1);
    nameless.properties.message_id = Some("../../etc/passwd".to_owned());
    transport.send(&nameless).await;
    transport.send(&message(2)).await;
    let expected = cases.len() + 1;
    eventually("all are given up", async || transport.dead_letters("q").await.len() == expected).await;
    let dead_letters = transport.dead_letters("q").await;
    for (number, (body, reason)) in (10..).zip(cases) {
        let dead_letter = dead_letters.iter().find(|dead_letter| dead_letter.id() == id(number)).expect(reason);
        assert!(dead_letter.reason.contains(reason), "{} should tell of {reason}", dead_letter.reason);
        assert!(dead_letter.message.body == body && dead_letter.attempts == 1, "the body is kept as it came");
    }
    let derived = EventId::from_content("user.created", &nameless.body);
    assert!(
        dead_letters
            .iter()
            .any(|dead_letter| dead_letter.id() == derived && dead_letter.reason.contains("is not a UUID"))
    );
}

pub(super) async fn an_outage_pauses_the_queue_and_spends_no_attempts(transport: &impl Transport) {
    let consumer = Scripted::new(|_| Act::Answer(HandlerResult::retry("refused")));
    consumer.is_down.store(true, Ordering::SeqCst);
    transport.subscribe(transport.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    send_all(transport, 20).await;
    let paused = || transport.metric("bank_consumer_paused", &[&transport.name("q")]);
    eventually("the queue is paused", async || paused() == 1).await;
    let probes = consumer.probes.load(Ordering::SeqCst);
    eventually("it is asked for", async || consumer.probes.load(Ordering::SeqCst) >= probes + 3).await;
    assert!(consumer.calls() <= 4, "nothing reaches the handler of a paused queue but what was underway");
    assert!(consumer.calls.lock().unwrap().iter().flatten().all(|(_, attempt)| *attempt == 1));
    consumer.is_down.store(false, Ordering::SeqCst);
    eventually("all are given up in the end", async || transport.dead_letters("q").await.len() == 20).await;
    assert!(
        transport.dead_letters("q").await.iter().all(|dead_letter| dead_letter.attempts == 5),
        "each had its five attempts"
    );
    assert_eq!(paused(), 0);
}

pub(super) async fn a_message_reaches_the_queues_that_are_bound_to_its_key(transport: &impl Transport) {
    let (users, created, banks) = (counting(), counting(), counting());
    transport.subscribe(transport.bound("users", "user.*"), Arc::clone(&users) as Arc<dyn Consumer>).unwrap();
    transport.subscribe(transport.bound("created", "*.created"), Arc::clone(&created) as Arc<dyn Consumer>).unwrap();
    transport.subscribe(transport.bound("banks", "bank.created"), Arc::clone(&banks) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    send_all(transport, 3).await;
    eventually("both have them", async || (users.calls(), created.calls()) == (3, 3)).await;
    assert_eq!(banks.calls(), 0);
}

pub(super) async fn a_named_queue_is_reached_by_its_name_alone(transport: &impl Transport) {
    let (replies, others) = (counting(), counting());
    let unbound = ConsumerSettings { bindings: Vec::new(), ..transport.queue("replies") };
    transport.subscribe(unbound, Arc::clone(&replies) as Arc<dyn Consumer>).unwrap();
    transport.subscribe(transport.queue("others"), Arc::clone(&others) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    transport.send_to(Destination::Queue(transport.name("replies")), &message(1)).await;
    eventually("it is there", async || replies.calls() == 1).await;
    transport.send(&message(2)).await;
    eventually("the other one is there", async || others.seen(id(2)) == 1).await;
    assert_eq!((replies.calls(), others.calls()), (1, 1));
}

pub(super) async fn an_expired_message_reaches_nobody(transport: &impl Transport) {
    let consumer = counting();
    transport.subscribe(transport.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    // It expires after a day, and `start` is long ago.
    let mail = Envelope::new(id(1), "urn:test", None, start(), &EmailRequested::example()).unwrap();
    transport.send(&WireMessage::encode(&mail).unwrap()).await;
    eventually("it is counted", async || transport.metric("bank_messages_total", &["outcome=\"expired\""]) == 1).await;
    transport.send(&message(2)).await;
    eventually("the next one is there", async || consumer.seen(id(2)) == 1).await;
    assert_eq!(consumer.calls(), 1);
    assert!(transport.dead_letters("q").await.is_empty());
}

pub(super) async fn no_more_handlers_run_at_once_than_allowed_and_no_fewer(transport: &impl Transport) {
    let consumer = Scripted::new(|_| Act::Wait);
    let settings = ConsumerSettings { concurrency: 3, ..transport.queue("q") };
    transport.subscribe(settings, Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    send_all(transport, 9).await;
    eventually("three are in", async || consumer.calls() == 3).await;
    let done = async || {
        consumer.release.notify_one();
        transport.metric("bank_messages_total", &[&transport.name("q"), "outcome=\"done\""]) == 9
    };
    eventually("all are done", done).await;
    assert_eq!(consumer.most_running.load(Ordering::SeqCst), 3);
}

pub(super) async fn a_retry_on_one_queue_does_not_disturb_another(transport: &impl Transport) {
    let (well, sick) = (counting(), Scripted::always(HandlerResult::retry("busy")));
    transport.subscribe(transport.queue("well"), Arc::clone(&well) as Arc<dyn Consumer>).unwrap();
    transport.subscribe(transport.queue("sick"), Arc::clone(&sick) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    transport.send(&message(1)).await;
    eventually("the sick one gives up", async || transport.dead_letters("sick").await.len() == 1).await;
    assert_eq!((well.calls(), sick.calls()), (1, 5));
}

pub(super) async fn a_drain_lets_handlers_finish_and_takes_no_more(transport: &impl Transport) {
    let consumer = Scripted::new(|_| Act::Wait);
    let settings = ConsumerSettings { concurrency: 1, ..transport.queue("q") };
    transport.subscribe(settings, Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    transport.ready().await;
    send_all(transport, 3).await;
    eventually("one is in the handler", async || consumer.calls() == 1).await;
    let mut drain = transport.drain(Duration::from_secs(10));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut drain).await;
    assert!(early.is_err(), "the drain does not wait for the handler");
    consumer.release.notify_one();
    assert!(drain.await);
    assert_eq!(consumer.calls(), 1);
    assert_eq!(transport.metric("bank_messages_total", &[&transport.name("q"), "outcome=\"done\""]), 1);
    assert!(transport.drain(Duration::from_secs(1)).await, "a second drain has nothing to do");
}

pub(super) async fn a_queue_has_one_consumer_and_sensible_settings(transport: &impl Transport) {
    transport.subscribe(transport.queue("q"), counting()).unwrap();
    let again = transport.subscribe(transport.queue("q"), counting());
    assert_eq!(again, Err(SubscribeError::Taken { queue: transport.name("q") }));
    let zero = ConsumerSettings { batch_size: 0, ..transport.queue("z") };
    assert!(matches!(transport.subscribe(zero, counting()), Err(SubscribeError::Zero { setting: "batch_size", .. })));
}

fn counting() -> Arc<Scripted> {
    Scripted::always(HandlerResult::Done)
}

fn batches(transport: &impl Transport, size: usize) -> ConsumerSettings {
    ConsumerSettings {
        concurrency: 1,
        batch_size: size,
        linger: Duration::from_millis(500),
        time_limit: Duration::from_millis(50),
        ..transport.queue("q")
    }
}

async fn send_all(transport: &impl Transport, count: u128) {
    for number in 1..=count {
        transport.send(&message(number)).await;
    }
}
