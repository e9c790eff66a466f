//! The records in SQLite: one writer with group commit, several readers.

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use service_kit::sqlite::{self, Readers, Role, Writer};
use service_kit::telemetry::trace::Span;

use super::schema::{NewRow, Row, deliveries, unreadable};
use super::{Begun, DeliveryStore, Found, MAX_RECIPIENTS, Part, Planned, Selection, Settled, StoreError};
use crate::domain::{Delivery, DeliveryId, EmailAddress, MessageId, State, assign_message_ids};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
const FIRST_MIGRATION: &str = "20250116000000";
const READERS: u32 = 4;

pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, making it and its folder if necessary, and brings the schema up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        sqlite::refuse_foreign(path, FIRST_MIGRATION).map_err(|error| StoreError::Open(error.into()))?;
        let mut connection = sqlite::open(path, Role::Writer).map_err(|error| StoreError::Open(error.into()))?;
        connection.run_pending_migrations(MIGRATIONS).map_err(StoreError::Open)?;
        let writer = Writer::start(connection).map_err(|error| StoreError::Open(error.into()))?;
        let readers = Readers::open(path, READERS).map_err(|error| StoreError::Open(error.into()))?;
        Ok(Self { writer, readers })
    }
}

fn span(operation: &'static str) -> Span {
    Span::database("sqlite", operation, Some("deliveries"))
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn begin(&self, planned: Planned, now: DateTime<Utc>) -> Result<Vec<Begun>, StoreError> {
        let now = now.timestamp_micros();
        let begun = self.writer.run(move |connection| begin(connection, &planned, now));
        Ok(span("begin").run(begun).await?)
    }

    async fn settle(&self, settled: Settled, now: DateTime<Utc>) -> Result<Delivery, StoreError> {
        let now = now.timestamp_micros();
        let settled = self.writer.run(move |connection| settle(connection, &settled, now));
        Ok(span("settle").run(settled).await?)
    }

    async fn find(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let found = self.readers.run(move |connection| {
            let row = deliveries::table.find(id.get()).select(Row::as_select()).first(connection).optional()?;
            row.map(Delivery::try_from).transpose()
        });
        Ok(found.await?)
    }

    async fn list(&self, selection: Selection, part: Part) -> Result<Found, StoreError> {
        Ok(self.readers.run(move |connection| list(connection, &selection, part)).await?)
    }

    async fn remove_before(&self, time: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
        let time = time.timestamp_micros();
        Ok(self.writer.run(move |connection| remove_before(connection, time, limit)).await?)
    }

    async fn probe(&self) -> Result<(), String> {
        // After a failed commit, such as on a full disk, it tries one.
        self.writer.probe().await.map_err(|error| error.to_string())?;
        // A write of no row: it goes to the writer's thread and takes the write lock.
        let written = self.writer.run(|connection| {
            diesel::update(deliveries::table.find(0)).set(deliveries::attempts.eq(0)).execute(connection)
        });
        written.await.map(|_| ()).map_err(|error| error.to_string())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn begin(connection: &mut SqliteConnection, planned: &Planned, now: i64) -> Result<Vec<Begun>, Error> {
    let known = of_event(connection, &planned.event_id.to_string())?;
    let taken: Vec<(EmailAddress, MessageId)> =
        known.iter().map(|delivery| (delivery.recipient.clone(), delivery.message_id.clone())).collect();
    let ids = assign_message_ids(planned.event_id, &planned.message_id_domain, &planned.recipients, &taken)
        .map_err(unreadable)?;
    let mut begun = Vec::with_capacity(ids.len());
    for (recipient, message_id) in planned.recipients.iter().take(MAX_RECIPIENTS).zip(ids) {
        let one = match known.iter().find(|delivery| delivery.recipient.same_mailbox(recipient)) {
            Some(delivery) if delivery.state.is_final() => Begun::Settled(delivery.clone()),
            Some(delivery) => Begun::ToSend(again(connection, delivery.id, now)?),
            None => Begun::ToSend(insert(connection, planned, recipient, &message_id, now)?),
        };
        begun.push(one);
    }
    Ok(begun)
}

fn of_event(connection: &mut SqliteConnection, event_id: &str) -> Result<Vec<Delivery>, Error> {
    let rows = deliveries::table
        .filter(deliveries::event_id.eq(event_id))
        .order(deliveries::id)
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

fn again(connection: &mut SqliteConnection, id: DeliveryId, now: i64) -> Result<Delivery, Error> {
    diesel::update(deliveries::table.find(id.get()))
        .set((
            deliveries::state.eq(State::Sending.as_str()),
            deliveries::attempts.eq(deliveries::attempts + 1),
            deliveries::updated_at.eq(now),
        ))
        .returning(Row::as_returning())
        .get_result(connection)?
        .try_into()
}

fn insert(
    connection: &mut SqliteConnection,
    planned: &Planned,
    recipient: &EmailAddress,
    message_id: &MessageId,
    now: i64,
) -> Result<Delivery, Error> {
    let row = NewRow {
        event_id: planned.event_id.to_string(),
        event_type: planned.event_type.clone(),
        recipient: recipient.as_str().to_owned(),
        message_id: message_id.to_string(),
        state: State::Sending.as_str(),
        attempts: 1,
        created_at: now,
        updated_at: now,
    };
    let inserted: Row =
        diesel::insert_into(deliveries::table).values(row).returning(Row::as_returning()).get_result(connection)?;
    inserted.try_into()
}

fn settle(connection: &mut SqliteConnection, settled: &Settled, now: i64) -> Result<Delivery, Error> {
    let taken_back = i32::from(!settled.counts);
    diesel::update(deliveries::table.find(settled.id.get()))
        .set((
            deliveries::state.eq(settled.state.as_str()),
            deliveries::attempts.eq(deliveries::attempts - taken_back),
            deliveries::answer.eq(&settled.answer),
            deliveries::updated_at.eq(now),
        ))
        .returning(Row::as_returning())
        .get_result(connection)?
        .try_into()
}

fn selected(selection: &Selection) -> deliveries::BoxedQuery<'_, Sqlite> {
    let mut query = deliveries::table.into_boxed();
    if let Some(event_id) = selection.event_id {
        query = query.filter(deliveries::event_id.eq(event_id.to_string()));
    }
    if let Some(event_type) = &selection.event_type {
        query = query.filter(deliveries::event_type.eq(event_type));
    }
    if let Some(state) = selection.state {
        query = query.filter(deliveries::state.eq(state.as_str()));
    }
    query
}

fn list(connection: &mut SqliteConnection, selection: &Selection, part: Part) -> Result<Found, Error> {
    let query = selected(selection).order(deliveries::id).select(Row::as_select());
    let (rows, total): (Vec<Row>, Option<i64>) = match part {
        Part::Page { offset, size } => {
            let rows = query.offset(offset).limit(size).load(connection)?;
            (rows, Some(selected(selection).count().get_result(connection)?))
        }
        Part::After { id, size } => (query.filter(deliveries::id.gt(id)).limit(size).load(connection)?, None),
    };
    let found = rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Found { deliveries: found, total })
}

fn remove_before(connection: &mut SqliteConnection, time: i64, limit: i64) -> Result<usize, Error> {
    let old: Vec<i64> = deliveries::table
        .filter(deliveries::created_at.lt(time))
        .order(deliveries::created_at)
        .limit(limit)
        .select(deliveries::id)
        .load(connection)?;
    diesel::delete(deliveries::table.filter(deliveries::id.eq_any(old))).execute(connection)
}
