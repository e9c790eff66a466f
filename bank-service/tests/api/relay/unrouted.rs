//! Events that no queue takes: kept, reported, and retried.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bank_service::outbox::Relay;
use bank_service::store::{Outcome, StoreError, unrouted};
use chrono::TimeDelta;
use serde_json::json;
use service_kit::clock::Clock as _;
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use shared_events::events::{BankCreated, CityUpdated, EmailRequested, Event as _};
use tokio::sync::broadcast;

use crate::harness::TestApp;

const AFTER: Duration = Duration::from_secs(30);

/// A broker with queues for some types only.
struct Bindings {
    bound: Mutex<BTreeSet<String>>,
    published: Mutex<Vec<String>>,
    resumed: broadcast::Sender<String>,
}

impl Bindings {
    fn none() -> Arc<Self> {
        Arc::new(Self { bound: Mutex::default(), published: Mutex::default(), resumed: broadcast::Sender::new(1) })
    }

    fn bind(&self, event_type: &str) {
        self.bound.lock().unwrap().insert(event_type.to_owned());
    }

    fn attempts(&self) -> usize {
        self.published.lock().unwrap().len()
    }
}

#[async_trait]
impl Publisher for Bindings {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        let key = outgoing.message.routing_key;
        self.published.lock().unwrap().push(key.clone());
        if self.bound.lock().unwrap().contains(&key) {
            return PublishResult::Accepted;
        }
        PublishResult::Unrouted { after: AFTER, reason: "no queue".to_owned() }
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.resumed.subscribe()
    }
}

async fn start() -> (TestApp, Arc<Bindings>, Relay) {
    let app = TestApp::start().await;
    app.empty_outbox().await;
    let bindings = Bindings::none();
    let relay = app.running.relay(bindings.clone());
    (app, bindings, relay)
}

/// Publishes repeatedly until the unrouted events have been returned for a minute.
async fn give_up(app: &TestApp, relay: &mut Relay) {
    for _ in 0..3 {
        relay.drain().await.unwrap();
        app.clock.advance(AFTER);
    }
}

async fn unrouted_types(app: &TestApp) -> Vec<String> {
    app.running.state.store.read(|db| unrouted::types(db, 100)).await.map_err(|error: StoreError| error).unwrap()
}

#[actix_web::test]
async fn an_event_that_no_queue_takes_for_a_minute_is_unrouted_and_comes_when_one_does() {
    let (app, bindings, mut relay) = start().await;
    app.city_event(1, "a").await;
    relay.drain().await.unwrap();
    app.clock.advance(AFTER);
    relay.drain().await.unwrap();
    assert_eq!((app.unsent().await, unrouted_types(&app).await.len()), (1, 0), "half a minute is not enough");
    app.clock.advance(AFTER);
    relay.drain().await.unwrap();
    assert_eq!((app.unsent().await, unrouted_types(&app).await), (0, vec![CityUpdated::TYPE.to_owned()]));
    let metrics = app.running.state.metrics.render();
    assert!(metrics.contains("bank_events_unrouted_total{event_type=\"city.updated\""), "{metrics}");

    let attempts = bindings.attempts();
    app.clock.advance(Duration::from_mins(58));
    relay.drain().await.unwrap();
    assert_eq!(bindings.attempts(), attempts, "it costs nothing meanwhile");
    bindings.bind(CityUpdated::TYPE);
    app.clock.advance(Duration::from_mins(2));
    relay.drain().await.unwrap();
    assert_eq!((app.unsent().await, unrouted_types(&app).await.len(), bindings.attempts()), (0, 0, attempts + 1));
}

#[actix_web::test]
async fn a_start_tries_unrouted_events_again_and_one_that_comes_back_waits_no_second_minute() {
    let (app, bindings, mut relay) = start().await;
    app.city_event(1, "a").await;
    give_up(&app, &mut relay).await;
    let attempts = bindings.attempts();
    let mut next = app.running.relay(bindings.clone());
    next.drain().await.unwrap();
    assert_eq!((bindings.attempts(), unrouted_types(&app).await.len()), (attempts + 1, 1));
    bindings.bind(CityUpdated::TYPE);
    app.running.relay(bindings.clone()).drain().await.unwrap();
    assert_eq!(unrouted_types(&app).await.len(), 0);
}

#[actix_web::test]
async fn a_request_and_an_event_that_is_to_be_confirmed_wait_for_their_queue_for_ever() {
    let (app, _, mut relay) = start().await;
    app.commit(&EmailRequested::example()).await;
    app.commit(&BankCreated::example()).await;
    for _ in 0..10 {
        give_up(&app, &mut relay).await;
    }
    assert_eq!((app.unsent().await, unrouted_types(&app).await.len()), (2, 0));
}

#[actix_web::test]
async fn an_operator_has_the_events_of_one_type_published_again() {
    let (app, bindings, mut relay) = start().await;
    app.city_event(1, "a").await;
    give_up(&app, &mut relay).await;
    let store = app.running.state.store.clone();
    let ctx = store.ctx(app.clock.now());
    let other = |db: &mut _, _: &_| unrouted::release(db, Some("card.created"), 0).map(Outcome::new);
    assert_eq!(store.write(&ctx, other).await.unwrap().rows, 0);
    let this = |db: &mut _, _: &_| unrouted::release(db, Some(CityUpdated::TYPE), 0).map(Outcome::new);
    assert_eq!(store.write(&ctx, this).await.unwrap().rows, 1);
    bindings.bind(CityUpdated::TYPE);
    relay.drain().await.unwrap();
    assert_eq!((app.unsent().await, unrouted_types(&app).await.len()), (0, 0));
}

#[actix_web::test]
async fn retention_removes_what_is_unrouted_and_nothing_else_that_was_never_published() {
    let (app, _, mut relay) = start().await;
    app.city_event(1, "a").await;
    give_up(&app, &mut relay).await;
    app.commit(&EmailRequested::example()).await;
    let store = app.running.state.store.clone();
    let after = |time: TimeDelta| (app.clock.now() + time).naive_utc();
    for (before, removed) in [(after(TimeDelta::days(-1)), 0), (after(TimeDelta::days(1)), 1)] {
        let sweep = move |db: &mut _, _: &_| unrouted::sweep(db, before).map(Outcome::new);
        assert_eq!(store.write(&store.ctx(app.clock.now()), sweep).await.unwrap(), removed);
    }
    assert_eq!((app.unsent().await, unrouted_types(&app).await.len()), (1, 0));
}

#[actix_web::test]
async fn the_journey_and_the_watch_show_an_unrouted_event() {
    let (app, _, mut relay) = start().await;
    let id = app.commit(&CityUpdated::example()).await;
    give_up(&app, &mut relay).await;
    let admin = app.admin().await;
    let journey = app.get(&admin.token, &format!("/api/events/{id}/journey")).await.expect(200);
    assert_eq!((&journey["state"], &journey["published"]["state"]), (&"unrouted".into(), &"unrouted".into()));
    assert_eq!(journey["deliveries"], json!([{"queue": "log-service", "state": "unrouted", "attempts": null}]));
}
