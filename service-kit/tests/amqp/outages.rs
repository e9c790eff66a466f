//! A broker that crashes and restarts under load.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use service_kit::messaging::{ConsumerSettings, DeadLetters as _, HandlerResult, PublishResult};
use shared_events::EventId;
use test_support::eventually;

use crate::scripted::{Act, Scripted, id, message};
use crate::support::{BrokerFixture, PrivateBroker};

const KILLS: u32 = 5;

/// Messages that were accepted, from a sender that drops a message only then.
#[derive(Default)]
struct Sent {
    accepted: Mutex<BTreeSet<EventId>>,
    next: AtomicU64,
    enough: AtomicBool,
}

async fn send(fixture: &BrokerFixture, sent: &Sent) {
    while !sent.enough.load(Ordering::SeqCst) {
        let number = u128::from(sent.next.fetch_add(1, Ordering::SeqCst) + 1);
        while fixture.publish(&message(number)).await != PublishResult::Accepted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sent.accepted.lock().unwrap().insert(id(number));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_five_times_under_load_loses_nothing_and_spends_no_attempt() {
    let broker = tokio::task::spawn_blocking(|| PrivateBroker::start("killed")).await.unwrap();
    let fixture = BrokerFixture::at(&broker.uri, |_| {}).await;
    let consumer = Scripted::new(|_| Act::Answer(HandlerResult::Done));
    let settings = ConsumerSettings { concurrency: 4, batch_size: 10, ..fixture.queue("q") };
    fixture.subscribe(settings, &consumer).await;
    // The broker writes the names of new queues to disk with a delay, and loses queues if it is killed within seconds of their
    // creation. One clean stop rules that out.
    tokio::task::block_in_place(|| {
        broker.stop();
        broker.start_again();
    });
    fixture.ready().await;
    let sent = Sent::default();
    let kill = async {
        let mut longest = Duration::ZERO;
        for _ in 0..KILLS {
            let calls = consumer.calls();
            eventually("messages flow", async || consumer.calls() >= calls + 20).await;
            tokio::task::block_in_place(|| broker.kill());
            eventually("it is noticed", async || fixture.publisher.state().is_err()).await;
            tokio::task::block_in_place(|| broker.start_again());
            let (back, calls) = (Instant::now(), consumer.calls());
            eventually("messages flow again", async || consumer.calls() > calls).await;
            longest = longest.max(back.elapsed());
        }
        sent.enough.store(true, Ordering::SeqCst);
        longest
    };
    let senders = futures_util::future::join_all((0..4).map(|_| send(&fixture, &sent)));
    let (longest, _) = tokio::join!(kill, senders);
    let accepted = sent.accepted.lock().unwrap().clone();
    let handled = || consumer.calls.lock().unwrap().iter().flatten().map(|(id, _)| *id).collect::<BTreeSet<_>>();
    eventually("everything accepted is handled", async || accepted.is_subset(&handled())).await;
    let calls = consumer.calls.lock().unwrap().concat();
    assert!(calls.iter().all(|(_, attempt)| *attempt == 1), "an outage of the broker spends no attempt");
    assert!(longest < Duration::from_secs(5), "the first delivery came {longest:?} after the broker");
    let doubled = calls.len() - handled().len();
    eprintln!("{KILLS} kills: {} accepted, {doubled} delivered twice, back within {longest:?}", accepted.len());
    assert!(fixture.dead_letters(&["q"]).list(&fixture.name("q"), None, 1).await.unwrap().is_empty());
    drop(fixture);
    let broker = Arc::new(broker);
    tokio::task::spawn_blocking(move || drop(broker)).await.unwrap();
}
