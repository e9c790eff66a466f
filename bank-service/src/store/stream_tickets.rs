//! The `stream_tickets` table: one-use tickets for streams, for clients that cannot send a token with a request.
//!
//! A ticket is stored by its hash only. Using it is one DELETE, whose row count decides. A user has at most
//! [`MAX_TICKETS_OF_USER`], each in its own slot, which a unique key guards.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use service_kit::http::stream::{MAX_TICKETS_OF_USER, TicketHash};
use shared_events::UserId;

use super::schema::stream_tickets::{self, dsl};
use super::{Ctx, Db, StoreError};
use crate::domain::session::SessionId;

/// How many rows one sweep removes.
const SWEEP: i64 = 500;

/// The rights of a ticket: one stream, with the rights of a session, until the token that requested it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub token_expires_on: DateTime<Utc>,
}

/// Stores a new ticket for `stream` until `expires_on`; false if its user has the most allowed.
pub fn insert(
    db: &mut Db,
    ctx: &Ctx,
    stream: &str,
    hash: &TicketHash,
    ticket: &Ticket,
    expires_on: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let own = dsl::stream_tickets.filter(dsl::user_id.eq(ticket.user_id.get()));
    diesel::delete(own.filter(dsl::expires_at.le(ctx.now_naive()))).execute(db)?;
    let taken: Vec<i32> = own.select(dsl::slot).load(db)?;
    let Some(slot) = (0..MAX_TICKETS_OF_USER).find(|slot| !taken.contains(slot)) else { return Ok(false) };
    let row = (
        dsl::ticket_hash.eq(hash.as_str()),
        dsl::stream.eq(stream),
        dsl::user_id.eq(ticket.user_id.get()),
        dsl::slot.eq(slot),
        dsl::session_id.eq(ticket.session_id.to_string()),
        dsl::token_expires_at.eq(ticket.token_expires_on.naive_utc()),
        dsl::expires_at.eq(expires_on.naive_utc()),
    );
    match diesel::insert_into(stream_tickets::table).values(row).execute(db).map_err(StoreError::from) {
        Ok(_) => Ok(true),
        // A parallel request of this user took the slot.
        Err(StoreError::UniqueViolation) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The ticket of this hash for `stream`, if it is still usable.
pub fn find(db: &mut Db, ctx: &Ctx, stream: &str, hash: &TicketHash) -> Result<Option<Ticket>, StoreError> {
    let row: Option<(i64, String, NaiveDateTime)> = dsl::stream_tickets
        .find(hash.as_str())
        .filter(dsl::stream.eq(stream))
        .filter(dsl::expires_at.gt(ctx.now_naive()))
        .select((dsl::user_id, dsl::session_id, dsl::token_expires_at))
        .first(db)
        .optional()?;
    let corrupt = || StoreError::Corrupt { what: "stream_tickets" };
    row.map(|(user_id, session_id, token_expires_at)| {
        Ok(Ticket {
            user_id: UserId::try_from(user_id).map_err(|_| corrupt())?,
            session_id: session_id.parse().map_err(|_| corrupt())?,
            token_expires_on: token_expires_at.and_utc(),
        })
    })
    .transpose()
}

/// [`find`], and spends the ticket.
pub fn take(db: &mut Db, ctx: &Ctx, stream: &str, hash: &TicketHash) -> Result<Option<Ticket>, StoreError> {
    let Some(ticket) = find(db, ctx, stream, hash)? else { return Ok(None) };
    let spent = diesel::delete(dsl::stream_tickets.find(hash.as_str())).execute(db)?;
    Ok((spent == 1).then_some(ticket))
}

/// Removes expired tickets, also of users who do not return.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let expired = dsl::stream_tickets.filter(dsl::expires_at.le(ctx.now_naive()));
    let hashes: Vec<String> = expired.select(dsl::ticket_hash).limit(SWEEP).load(db)?;
    Ok(diesel::delete(dsl::stream_tickets.filter(dsl::ticket_hash.eq_any(&hashes))).execute(db)?)
}
