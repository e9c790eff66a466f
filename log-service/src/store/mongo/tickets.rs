//! One-use tickets in MongoDB, in a collection of their own beside the log. Each of a user's tickets has a slot, which a unique
//! index guards, so that no replica exceeds their limit; the server removes expired ones (TTL index).

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{self, Binary, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use service_kit::http::stream::{MAX_TICKETS_OF_USER, TicketHash};

use super::MongoStore;
use super::errors::{MongoError, limited};
use super::insert::is_duplicate;
use crate::store::StoreError;
use crate::store::tickets::{NewTicket, TicketStore};

/// A ticket as stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketRow {
    #[serde(rename = "_id")]
    hash: String,
    user_id: i64,
    slot: i32,
    sealed: Binary,
    expires_at: bson::DateTime,
}

/// Makes the missing indexes.
pub(super) async fn prepare(tickets: &Collection<TicketRow>) -> Result<(), MongoError> {
    let unique = IndexOptions::builder().unique(true).build();
    let expiring = IndexOptions::builder().expire_after(Duration::ZERO).build();
    let indexes = [
        IndexModel::builder().keys(doc! { "user_id": 1, "slot": 1 }).options(unique).build(),
        IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expiring).build(),
    ];
    limited(tickets.create_indexes(indexes)).await?;
    Ok(())
}

fn millis(time: DateTime<Utc>) -> bson::DateTime {
    bson::DateTime::from_millis(time.timestamp_millis())
}

fn live(hash: &TicketHash, now: DateTime<Utc>) -> Document {
    doc! { "_id": hash.as_str(), "expires_at": { "$gt": millis(now) } }
}

#[async_trait]
impl TicketStore for MongoStore {
    async fn put_ticket(&self, ticket: NewTicket, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let user_id = ticket.user_id.get();
        let expired = doc! { "user_id": user_id, "expires_at": { "$lte": millis(now) } };
        limited(self.tickets.delete_many(expired)).await?;
        let own = async { self.tickets.find(doc! { "user_id": user_id }).await?.try_collect::<Vec<TicketRow>>().await };
        let taken = limited::<_, mongodb::error::Error>(own).await?;
        let mut row = TicketRow {
            hash: ticket.hash.as_str().to_owned(),
            user_id,
            slot: 0,
            sealed: Binary { subtype: BinarySubtype::Generic, bytes: ticket.sealed },
            expires_at: millis(ticket.expires_at),
        };
        for slot in (0..MAX_TICKETS_OF_USER).filter(|slot| !taken.iter().any(|row| row.slot == *slot)) {
            row.slot = slot;
            match limited(async { Ok::<_, MongoError>(self.tickets.insert_one(&row).await) }).await? {
                Ok(_) => return Ok(true),
                // Another request of this user took the slot just now.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(MongoError::from(error).into()),
            }
        }
        Ok(false)
    }

    async fn find_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let found = limited(self.tickets.find_one(live(hash, now))).await?;
        Ok(found.map(|row| row.sealed.bytes))
    }

    async fn take_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let taken = limited(self.tickets.find_one_and_delete(live(hash, now))).await?;
        Ok(taken.map(|row| row.sealed.bytes))
    }
}
