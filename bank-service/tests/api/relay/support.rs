//! A publisher that records its messages, and events without the requests that would cause them.

use std::sync::Mutex;

use async_trait::async_trait;
use bank_service::store::{Outcome, StoreError, outbox};
use service_kit::clock::Clock as _;
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use shared_events::events::{City, CityUpdated};
use tokio::sync::broadcast;

use crate::harness::TestApp;

/// Accepts every message at once, and records the city of each event in order.
pub(crate) struct RecordingPublisher {
    arrived: Mutex<Vec<(i64, String)>>,
    pub(crate) resumed: broadcast::Sender<String>,
}

impl RecordingPublisher {
    pub(crate) fn new() -> Self {
        Self { arrived: Mutex::default(), resumed: broadcast::Sender::new(1) }
    }

    /// City and name of each published event.
    pub(crate) fn arrived(&self) -> Vec<(i64, String)> {
        self.arrived.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }

    pub(crate) fn record(&self, outgoing: &Outgoing) {
        let body: serde_json::Value = serde_json::from_slice(&outgoing.message.body).unwrap();
        let data = &body["data"];
        let city = (data["id"].as_i64().unwrap(), data["name"].as_str().unwrap().to_owned());
        self.arrived.lock().unwrap().push(city);
    }
}

#[async_trait]
impl Publisher for RecordingPublisher {
    async fn publish(&self, outgoing: Outgoing) -> PublishResult {
        self.record(&outgoing);
        PublishResult::Accepted
    }

    fn resumed(&self) -> broadcast::Receiver<String> {
        self.resumed.subscribe()
    }
}

impl TestApp {
    /// Commits one event about a city, like an operation would.
    pub(crate) async fn city_event(&self, city: i64, name: &str) {
        let store = &self.running.state.store;
        let event = CityUpdated(City { id: city.try_into().unwrap(), name: name.to_owned() });
        let ctx = store.ctx(self.clock.now());
        let write = move |_: &mut _, _: &_| Ok::<_, StoreError>(Outcome::new(()).event(&event));
        store.write(&ctx, write).await.unwrap();
    }

    /// How many events are not marked as sent.
    pub(crate) async fn unsent(&self) -> usize {
        self.running.state.store.read(|db| outbox::waiting(db, 100_000)).await.map_err(|e: StoreError| e).unwrap()
    }

    /// Publishes the events of the service's start, which these tests ignore.
    pub(crate) async fn empty_outbox(&self) {
        struct Hole(broadcast::Sender<String>);
        #[async_trait]
        impl Publisher for Hole {
            async fn publish(&self, _: Outgoing) -> PublishResult {
                PublishResult::Accepted
            }
            fn resumed(&self) -> broadcast::Receiver<String> {
                self.0.subscribe()
            }
        }
        let hole = std::sync::Arc::new(Hole(broadcast::Sender::new(1)));
        self.running.relay(hole).drain().await.unwrap();
    }
}
