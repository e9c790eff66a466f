//! The records become unavailable between a mail and its record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use email_service::EmailMetrics;
use email_service::domain::{Content, Delivery, DeliveryId, State};
use email_service::operations::{MailJob, MailService, SendSettings};
use email_service::store::{Begun, DeliveryStore, Found, Part, Planned, Selection, Settled, StoreError};
use service_kit::clock::SystemClock;
use service_kit::telemetry::Metrics;
use shared_events::EventId;

use crate::contract::now;
use crate::doubles::Scripted;
use crate::engine;

/// Fails to record answers while it is unavailable.
struct Absent {
    inner: Arc<dyn DeliveryStore>,
    unavailable: AtomicBool,
}

#[async_trait]
impl DeliveryStore for Absent {
    async fn begin(&self, planned: Planned, now: DateTime<Utc>) -> Result<Vec<Begun>, StoreError> {
        self.inner.begin(planned, now).await
    }

    async fn settle(&self, settled: Settled, now: DateTime<Utc>) -> Result<Delivery, StoreError> {
        if self.unavailable.load(Ordering::SeqCst) {
            Err(StoreError::Slow)
        } else {
            self.inner.settle(settled, now).await
        }
    }

    async fn find(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.inner.find(id).await
    }

    async fn list(&self, selection: Selection, part: Part) -> Result<Found, StoreError> {
        self.inner.list(selection, part).await
    }

    async fn remove_before(&self, time: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
        self.inner.remove_before(time, limit).await
    }

    async fn probe(&self) -> Result<(), String> {
        self.inner.probe().await
    }
}

fn job() -> MailJob {
    MailJob {
        event_id: EventId::from_content("a.created", b"1"),
        event_type: "a.created".to_owned(),
        date: now(),
        content: Content { subject: "s".to_owned(), text: "t".to_owned(), html: "<p>t</p>".to_owned() },
        recipients: vec!["a@b.example".parse().unwrap()],
    }
}

#[actix_rt::test]
async fn a_mail_that_could_not_be_recorded_is_recorded_later_and_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Absent { inner: engine::open(&folder).await, unavailable: AtomicBool::new(true) });
    let mailer = Scripted::new([]);
    let settings = SendSettings { from: "bank@b.example".parse().unwrap(), message_id_domain: "b.example".to_owned() };
    let metrics = EmailMetrics::new(&Metrics::new());
    let mail_service = MailService::new(mailer.clone(), store.clone(), settings, Arc::new(SystemClock), metrics);
    for _ in 0..3 {
        assert!(mail_service.deliver(&job()).await.unwrap_err().is_outage());
    }
    store.unavailable.store(false, Ordering::SeqCst);
    let delivered = mail_service.deliver(&job()).await.unwrap();
    assert_eq!(delivered.deliveries[0].state, State::Sent);
    assert_eq!(mailer.message_ids().len(), 1, "asked once");
}
