//! A record of what operators did with dead letters.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use service_kit::ids::new_uuid;
use shared_events::EventId;

use super::schema::dead_letter_actions::{self, dsl};
use super::{Ctx, Db, StoreError};

pub const REPLAYED: &str = "replayed";
pub const DISCARDED: &str = "discarded";
/// How many rows one statement writes.
const BATCH: usize = 200;
/// How many actions on one event are shown.
const SHOWN: i64 = 100;

#[derive(Insertable)]
#[diesel(table_name = dead_letter_actions)]
struct NewAction<'a> {
    id: String,
    event_id: String,
    queue: &'a str,
    action: &'a str,
    user_id: Option<i64>,
    acted_at: NaiveDateTime,
    reason: Option<&'a str>,
}

/// What an operator did with dead letters of a queue, and why.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    pub queue: &'a str,
    /// [`REPLAYED`] or [`DISCARDED`].
    pub action: &'a str,
    pub reason: Option<&'a str>,
}

/// An action on a dead letter of an event.
#[derive(Debug, Clone, Queryable)]
pub struct Action {
    pub queue: String,
    pub action: String,
    pub user_id: Option<i64>,
    pub acted_at: NaiveDateTime,
    pub reason: Option<String>,
}

/// Records that the caller of `ctx` did this with the dead letters of these events.
pub fn record(db: &mut Db, ctx: &Ctx, done: Done<'_>, events: &[EventId]) -> Result<(), StoreError> {
    let Done { queue, action, reason } = done;
    let row = |event: &EventId| NewAction {
        id: new_uuid().to_string(),
        event_id: event.to_string(),
        queue,
        action,
        user_id: ctx.user_id.map(i64::from),
        acted_at: ctx.now_naive(),
        reason,
    };
    for batch in events.chunks(BATCH) {
        let rows: Vec<NewAction<'_>> = batch.iter().map(row).collect();
        match db {
            #[cfg(feature = "mysql")]
            Db::Mysql(conn) => drop(diesel::insert_into(dead_letter_actions::table).values(&rows).execute(conn)?),
            Db::Sqlite(conn) => {
                for row in &rows {
                    diesel::insert_into(dead_letter_actions::table).values(row).execute(conn)?;
                }
            }
        }
    }
    Ok(())
}

/// The actions on the dead letters of these events, oldest first.
pub fn of_events(db: &mut Db, event_ids: &[String]) -> Result<Vec<Action>, StoreError> {
    let rows = dsl::dead_letter_actions.filter(dsl::event_id.eq_any(event_ids));
    let rows = rows.order((dsl::acted_at, dsl::id)).limit(SHOWN);
    Ok(rows.select((dsl::queue, dsl::action, dsl::user_id, dsl::acted_at, dsl::reason)).load(db)?)
}

/// Those of these events whose dead letter was discarded, each with its queue.
pub fn discarded_among(db: &mut Db, event_ids: &[String]) -> Result<Vec<(String, String)>, StoreError> {
    let rows = dsl::dead_letter_actions.filter(dsl::event_id.eq_any(event_ids)).filter(dsl::action.eq(DISCARDED));
    Ok(rows.select((dsl::event_id, dsl::queue)).load(db)?)
}
