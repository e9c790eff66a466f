//! The mail server's final result for an event's mail, once per event, and whether the log has the event.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::mail_receipts::{self, dsl};
use super::{Ctx, Db, StoreError};

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = mail_receipts)]
pub struct NewReceipt {
    pub event_id: String,
    pub state: String,
    pub message_id: Option<String>,
    pub reason: Option<String>,
    pub received_at: NaiveDateTime,
    /// When the log entry is due; none if there is none to post.
    pub due_at: Option<NaiveDateTime>,
}

/// Stores a receipt; false if there is one already.
pub fn insert_once(db: &mut Db, receipt: &NewReceipt) -> Result<bool, StoreError> {
    let known: i64 = dsl::mail_receipts.find(&receipt.event_id).count().get_result(db)?;
    if known > 0 {
        return Ok(false);
    }
    match diesel::insert_into(mail_receipts::table).values(receipt).execute(db).map_err(StoreError::from) {
        Ok(_) => Ok(true),
        // Another replica committed first: start over, and find its row.
        Err(StoreError::UniqueViolation) => Err(StoreError::Serialization),
        Err(error) => Err(error),
    }
}

/// Events whose log entry is due, oldest first, with the number of attempts so far.
pub fn due(db: &mut Db, now: NaiveDateTime, limit: i64) -> Result<Vec<(String, i32)>, StoreError> {
    let rows = dsl::mail_receipts.filter(dsl::due_at.le(now)).order(dsl::due_at).limit(limit);
    Ok(rows.select((dsl::event_id, dsl::attempts)).load(db)?)
}

pub fn mark_posted(db: &mut Db, ctx: &Ctx, event_id: &str) -> Result<(), StoreError> {
    let set = (dsl::posted_at.eq(Some(ctx.now_naive())), dsl::due_at.eq(None::<NaiveDateTime>));
    diesel::update(dsl::mail_receipts.find(event_id)).set(set).execute(db)?;
    Ok(())
}

/// Records a failed post: the next attempt is at `due_at`, or never if none.
pub fn postpone(db: &mut Db, event_id: &str, attempts: i32, due_at: Option<NaiveDateTime>) -> Result<(), StoreError> {
    let set = (dsl::attempts.eq(attempts), dsl::due_at.eq(due_at));
    diesel::update(dsl::mail_receipts.find(event_id)).set(set).execute(db)?;
    Ok(())
}

/// Those of these events whose log entry is still to be posted.
pub fn unposted_among(db: &mut Db, event_ids: &[&str]) -> Result<Vec<String>, StoreError> {
    let rows = dsl::mail_receipts.filter(dsl::event_id.eq_any(event_ids)).filter(dsl::due_at.is_not_null());
    Ok(rows.select(dsl::event_id).load(db)?)
}

/// How many log entries wait to be posted, counted up to a bound.
pub fn waiting(db: &mut Db, bound: i64) -> Result<usize, StoreError> {
    let rows: Vec<String> =
        dsl::mail_receipts.filter(dsl::due_at.is_not_null()).select(dsl::event_id).limit(bound).load(db)?;
    Ok(rows.len())
}
