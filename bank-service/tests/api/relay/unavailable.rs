//! The relay with a transport that is unavailable, and then back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use test_support::eventually;
use tokio::sync::broadcast;

use crate::harness::TestApp;

struct Switch {
    there: AtomicBool,
    publishes: AtomicUsize,
    accepted: AtomicUsize,
    resumed: broadcast::Sender<String>,
}

#[async_trait]
impl Publisher for Switch {
    async fn publish(&self, _: Outgoing) -> PublishResult {
        self.publishes.fetch_add(1, Ordering::SeqCst);
        if !self.there.load(Ordering::SeqCst) {
            return PublishResult::Unavailable { reason: "switched off".to_owned() };
        }
        self.accepted.fetch_add(1, Ordering::SeqCst);
        PublishResult::Accepted
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.resumed.subscribe()
    }
}

#[actix_web::test]
async fn a_transport_that_is_unavailable_is_tried_seldom_and_gets_everything_once_it_is_back() {
    let app = TestApp::start().await;
    app.user("a@example.com").await;
    let waiting = app.events().await.len();
    let switch = Arc::new(Switch {
        there: AtomicBool::new(false),
        publishes: AtomicUsize::new(0),
        accepted: AtomicUsize::new(0),
        resumed: broadcast::Sender::new(1),
    });
    let relay = service_kit::task::spawn("relay", app.running.relay(switch.clone()).run());

    // Before the fourth attempt there are pauses of 100, 200 and 400 ms.
    let is_tried_again = async || switch.publishes.load(Ordering::SeqCst) > 3 * waiting;
    let took = eventually("it is tried a fourth time", is_tried_again).await;
    assert!(took > Duration::from_millis(700), "a fourth attempt after {took:?}");

    switch.there.store(true, Ordering::SeqCst);
    eventually("all are sent", async || app.unsent().await == 0).await;
    assert_eq!(switch.accepted.load(Ordering::SeqCst), waiting);
    app.shutdown.begin();
    relay.await.unwrap();
}
