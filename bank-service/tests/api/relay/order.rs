//! The events of one entity are published in the order of its changes, whatever the transport does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use test_support::eventually;
use tokio::sync::broadcast;

use super::support::RecordingPublisher;
use crate::harness::TestApp;

/// Takes a varying time, accepts many messages in parallel, and is repeatedly unavailable.
struct UnreliablePublisher {
    recorder: RecordingPublisher,
    turns: AtomicU64,
}

#[async_trait]
impl Publisher for UnreliablePublisher {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        let turn = self.turns.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(turn * 7 % 11)).await;
        if turn % 9 == 5 {
            return PublishResult::Unavailable { reason: "in a mood".to_owned() };
        }
        self.recorder.record(&outgoing);
        PublishResult::Accepted
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.recorder.resumed.subscribe()
    }
}

/// The published events of each city, each at its first delivery.
fn by_city(arrived: Vec<(i64, String)>) -> BTreeMap<i64, Vec<u32>> {
    let mut cities = BTreeMap::<i64, Vec<u32>>::new();
    for (city, name) in arrived {
        let (names, name) = (cities.entry(city).or_default(), name.parse().unwrap());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    cities
}

#[actix_web::test]
async fn events_of_one_entity_arrive_in_their_order_over_an_unreliable_transport() {
    let app = TestApp::start().await;
    app.empty_outbox().await;
    for n in 0..60 {
        app.city_event(n % 4 + 1, &n.to_string()).await;
    }
    let publisher = Arc::new(UnreliablePublisher { recorder: RecordingPublisher::new(), turns: AtomicU64::new(0) });
    let relay = service_kit::task::spawn("relay", app.running.relay(publisher.clone()).run());
    eventually("all are sent", async || app.unsent().await == 0).await;
    app.shutdown.begin();
    relay.await.unwrap();
    for (city, names) in by_city(publisher.recorder.arrived()) {
        assert!(names.len() == 15 && names.is_sorted(), "city {city}: {names:?}");
    }
}

#[actix_web::test]
async fn a_clock_that_is_ahead_neither_delays_an_event_nor_lets_a_later_one_pass() {
    let app = TestApp::start().await;
    app.empty_outbox().await;
    app.clock.advance(Duration::from_hours(1));
    app.city_event(1, "0").await;
    app.clock.set(crate::harness::start_of_tests());
    app.city_event(1, "1").await;
    let recorder = Arc::new(RecordingPublisher::new());
    app.running.relay(recorder.clone()).drain().await.unwrap();
    assert_eq!(by_city(recorder.arrived()), BTreeMap::from([(1, vec![0, 1])]));
}

#[actix_web::test]
async fn a_leader_that_was_killed_half_way_is_followed_in_order() {
    let app = TestApp::start().await;
    app.empty_outbox().await;
    for n in 0..30 {
        app.city_event(n % 2 + 1, &n.to_string()).await;
    }
    let publisher = Arc::new(UnreliablePublisher { recorder: RecordingPublisher::new(), turns: AtomicU64::new(0) });
    let killed = service_kit::task::spawn("relay", app.running.relay(publisher.clone()).run());
    eventually("some have arrived", async || publisher.recorder.count() > 5).await;
    killed.abort();
    let next = service_kit::task::spawn("relay", app.running.relay(publisher.clone()).run());
    eventually("all are sent", async || app.unsent().await == 0).await;
    app.shutdown.begin();
    next.await.unwrap();
    for (city, names) in by_city(publisher.recorder.arrived()) {
        assert!(names.len() == 15 && names.is_sorted(), "city {city}: {names:?}");
    }
}
