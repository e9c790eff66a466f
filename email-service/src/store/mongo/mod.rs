//! The records in MongoDB, for several replicas.
//!
//! A replica that is about to send makes the record with its claim, or claims the existing record by one atomic update. A claim
//! expires by the server's clock, so a crashed replica holds a mail up for [`LEASE`] at most, and clocks of replicas need not
//! agree. The lease is longer than any handling of an event, so no two replicas send the same mail at the same time. Everything
//! is written with w: majority and journalled, read from the primary with majority read concern.
//! An unavailable server is waited for: the indexes, on which "once" depends, are made before the first record.

mod claim;
mod errors;
mod fitness;
mod numbers;
mod record;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, IndexOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, IndexModel};
use service_kit::config::Secret;
use service_kit::telemetry::trace::Span;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use self::errors::DriverError;
use self::numbers::Numbers;
use self::record::{Counter, Record};
use super::{Begun, DeliveryStore, Found, Part, Planned, Selection, Settled, StoreError};
use crate::domain::{Delivery, DeliveryId};

/// The duration of a claim: longer than a consumer's time limit for one event.
const LEASE: Duration = Duration::from_secs(75);
/// The time limit of one call, with all its steps.
const CALL_LIMIT: Duration = Duration::from_secs(10);
const SELECTION_LIMIT: Duration = Duration::from_secs(3);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const MAJORITY_LIMIT: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: u32 = 16;
/// The limit on totals of filtered lists: counting a million costs a quarter of a second.
const MAX_COUNTED: u64 = 100_000;

pub struct MongoStore {
    deliveries: Collection<Record>,
    counters: Collection<Counter>,
    numbers: Numbers,
    indexed: OnceCell<()>,
    /// Names this replica in its claims.
    replica: String,
    lease: Duration,
}

impl MongoStore {
    /// Parses the address and checks the server; an error is a fault of the address, or a server that is unusable for good. Every
    /// call waits for an unavailable one, within its limits.
    pub async fn open(uri: &Secret) -> Result<Self, StoreError> {
        let fault = |error| StoreError::Open(DriverError(error).into());
        let mut options = ClientOptions::parse(uri.expose()).await.map_err(fault)?;
        let write = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MAJORITY_LIMIT).build();
        options.write_concern = Some(write);
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        options.server_selection_timeout = Some(SELECTION_LIMIT);
        options.connect_timeout = Some(CONNECT_LIMIT);
        options.max_pool_size = Some(MAX_CONNECTIONS);
        options.app_name = Some("email-service".to_owned());
        let client = Client::with_options(options).map_err(fault)?;
        fitness::check(&client).await?;
        let database = client.default_database().ok_or_else(|| StoreError::Open("names no database".into()))?;
        let store = Self {
            deliveries: database.collection("deliveries"),
            counters: database.collection("email_counters"),
            numbers: Numbers::default(),
            indexed: OnceCell::new(),
            replica: service_kit::ids::new_uuid().to_string(),
            lease: service_kit::shortened!("CLAIM_LEASE_MS", LEASE),
        };
        if let Err(error) = store.ready().await {
            tracing::warn!(%error, "the store of delivery records is not there yet; mail waits for it");
        }
        Ok(store)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let indexing = self.indexed.get_or_try_init(|| async {
            self.deliveries.create_indexes(indexes()).await.map(|_| ()).map_err(StoreError::from)
        });
        bounded(async { indexing.await.copied() }).await
    }

    async fn list_selected(&self, selection: &Selection, part: Part) -> Result<Found, StoreError> {
        let filter = selected(selection);
        let (rows, total): (Vec<Record>, Option<i64>) = match part {
            Part::Page { offset, size } => {
                let total = self.count(&filter).await?;
                let skip = u64::try_from(offset).unwrap_or(0);
                let found = self.deliveries.find(filter).sort(doc! { "_id": 1 }).skip(skip).limit(size).await?;
                (found.try_collect().await?, Some(total))
            }
            Part::After { id, size } => {
                let filter = doc! { "$and": [filter, { "_id": { "$gt": id } }] };
                let found = self.deliveries.find(filter).sort(doc! { "_id": 1 }).limit(size).await?;
                (found.try_collect().await?, None)
            }
        };
        let deliveries = rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
        Ok(Found { deliveries, total })
    }

    async fn count(&self, filter: &Document) -> Result<i64, StoreError> {
        let counted = if filter.is_empty() {
            self.deliveries.estimated_document_count().await?
        } else {
            self.deliveries.count_documents(filter.clone()).limit(MAX_COUNTED).await?
        };
        Ok(i64::try_from(counted).unwrap_or(i64::MAX))
    }

    async fn remove(&self, time: i64, limit: i64) -> Result<usize, StoreError> {
        let old = self.deliveries.find(doc! { "created_at": { "$lt": time } }).sort(doc! { "created_at": 1 });
        let old: Vec<Record> = old.limit(limit).await?.try_collect().await?;
        let ids: Vec<i64> = old.iter().map(|record| record.row.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let removed = self.deliveries.delete_many(doc! { "_id": { "$in": ids } }).await?;
        Ok(usize::try_from(removed.deleted_count).unwrap_or(usize::MAX))
    }
}

fn span(operation: &'static str) -> Span {
    Span::database("mongodb", operation, Some("deliveries"))
}

#[async_trait]
impl DeliveryStore for MongoStore {
    async fn begin(&self, planned: Planned, now: DateTime<Utc>) -> Result<Vec<Begun>, StoreError> {
        let begun = async {
            self.ready().await?;
            bounded(self.begin_all(&planned, now.timestamp_micros())).await
        };
        span("begin").run(begun).await
    }

    async fn settle(&self, settled: Settled, now: DateTime<Utc>) -> Result<Delivery, StoreError> {
        span("settle").run(bounded(self.settle_one(&settled, now.timestamp_micros()))).await
    }

    async fn find(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        bounded(self.find_one(id)).await
    }

    async fn list(&self, selection: Selection, part: Part) -> Result<Found, StoreError> {
        bounded(self.list_selected(&selection, part)).await
    }

    async fn remove_before(&self, time: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
        bounded(self.remove(time.timestamp_micros(), limit)).await
    }

    async fn probe(&self) -> Result<(), String> {
        let written = async {
            self.ready().await?;
            // A write without a change: only a primary with a majority behind it answers.
            let checked = doc! { "$set": { "value": 1_i64 } };
            let writing = self.counters.update_one(doc! { "_id": "probe" }, checked).upsert(true);
            bounded(async { Ok(writing.await?) }).await
        };
        written.await.map(|_| ()).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => {
                format!("{error}: {}", crate::domain::clip(&crate::domain::single_line(&cause.to_string()), 200))
            }
            None => error.to_string(),
        })
    }
}

impl From<mongodb::error::Error> for StoreError {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Remote(Box::new(DriverError(error)))
    }
}

/// The driver's error, if it is one.
fn driver_error(error: &StoreError) -> Option<&mongodb::error::Error> {
    let StoreError::Remote(error) = error else { return None };
    error.downcast_ref::<DriverError>().map(|error| &error.0)
}

async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    timeout(CALL_LIMIT, work).await.unwrap_or(Err(StoreError::Slow))
}

fn indexes() -> [IndexModel; 5] {
    let unique = || IndexOptions::builder().unique(true).build();
    [
        IndexModel::builder().keys(doc! { "event_id": 1, "mailbox": 1 }).options(unique()).build(),
        IndexModel::builder().keys(doc! { "event_id": 1, "message_id": 1 }).options(unique()).build(),
        IndexModel::builder().keys(doc! { "event_type": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "state": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "created_at": 1 }).build(),
    ]
}

fn selected(selection: &Selection) -> Document {
    let mut filter = Document::new();
    if let Some(event_id) = selection.event_id {
        filter.insert("event_id", event_id.to_string());
    }
    if let Some(event_type) = &selection.event_type {
        filter.insert("event_type", event_type);
    }
    if let Some(state) = selection.state {
        filter.insert("state", state.as_str());
    }
    filter
}
