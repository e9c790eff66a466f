//! One-use tickets for the stream, kept beside the log.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use service_kit::http::stream::TicketHash;
use shared_events::UserId;

use super::StoreError;

/// A ticket that waits for its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    pub hash: TicketHash,
    pub user_id: UserId,
    /// The requesting token, which the ticket alone opens.
    pub sealed: Vec<u8>,
    pub expires_at: DateTime<Utc>,
}

/// The storage of tickets.
#[async_trait]
pub trait TicketStore: Send + Sync + 'static {
    /// Keeps a ticket; false if its user has the maximum of live ones. Removes expired ones.
    async fn put_ticket(&self, ticket: NewTicket, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// The value sealed under a live ticket.
    async fn find_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError>;

    /// The same, and removes the ticket: of many requests at the same time, on any replica, one gets it.
    async fn take_ticket(&self, hash: &TicketHash, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError>;
}
