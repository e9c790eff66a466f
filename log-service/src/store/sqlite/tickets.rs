//! The `stream_tickets` table. One process writes at a time, so a count stays true until its transaction ends.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use service_kit::http::stream::{MAX_TICKETS_OF_USER, TicketHash};

use super::SqliteStore;
use super::schema::stream_tickets::{self, dsl};
use crate::store::StoreError;
use crate::store::tickets::{NewTicket, TicketStore};

/// The expired tickets that one insert removes: more than it adds, so that the table does not grow.
const SWEEP: i64 = 100;

#[async_trait]
impl TicketStore for SqliteStore {
    async fn put_ticket(&self, ticket: NewTicket, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(move |conn| put(conn, &ticket, now.timestamp_micros())).await
    }

    async fn find_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let hash = hash.clone();
        let find = move |conn: &mut SqliteConnection| {
            let live = dsl::stream_tickets.find(hash.as_str()).filter(dsl::expires_at.gt(now.timestamp_micros()));
            live.select(dsl::sealed).first(conn).optional()
        };
        Ok(self.readers.run(find).await?)
    }

    async fn take_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let hash = hash.clone();
        let take = move |conn: &mut SqliteConnection| {
            let live = dsl::stream_tickets.find(hash.as_str()).filter(dsl::expires_at.gt(now.timestamp_micros()));
            diesel::delete(live).returning(dsl::sealed).get_result(conn).optional()
        };
        self.write(take).await
    }
}

fn put(conn: &mut SqliteConnection, ticket: &NewTicket, now: i64) -> QueryResult<bool> {
    let expired = dsl::stream_tickets.filter(dsl::expires_at.le(now));
    let expired: Vec<String> = expired.select(dsl::ticket_hash).limit(SWEEP).load(conn)?;
    diesel::delete(dsl::stream_tickets.filter(dsl::ticket_hash.eq_any(expired))).execute(conn)?;
    let own = dsl::stream_tickets.filter(dsl::user_id.eq(ticket.user_id.get()));
    let live: i64 = own.filter(dsl::expires_at.gt(now)).count().get_result(conn)?;
    if live >= i64::from(MAX_TICKETS_OF_USER) {
        return Ok(false);
    }
    let row = (
        dsl::ticket_hash.eq(ticket.hash.as_str()),
        dsl::user_id.eq(ticket.user_id.get()),
        dsl::sealed.eq(&ticket.sealed),
        dsl::expires_at.eq(ticket.expires_at.timestamp_micros()),
    );
    diesel::insert_into(stream_tickets::table).values(row).execute(conn)?;
    Ok(true)
}
