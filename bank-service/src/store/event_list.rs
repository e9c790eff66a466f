//! The newest events of the outbox, for staff that watches them.
//!
//! One read covers at most [`WINDOW`] rows by their number, which is the primary key: a filter that few events match costs the
//! database no more than that, and no write pays for an index of its own.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::outbox::dsl;
use super::{Db, StoreError};

/// How many rows one read covers.
pub const WINDOW: i64 = 10_000;

/// Which events are read; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Events of these types only; of any if there are none.
    pub event_types: Vec<String>,
    /// Messages that contain this text. It has neither `%` nor `\`; `_` stands for any character, so the caller compares again.
    pub request_id: Option<String>,
    /// Messages whose facts have this `id`, as far as their text shows it; the caller compares again.
    pub item_id: Option<i64>,
    /// Rows before this number only.
    pub before: Option<i64>,
}

/// A row of the outbox. Its message has no secrets.
#[derive(Debug, Clone, Queryable)]
pub struct EventRow {
    pub number: i64,
    pub event_id: String,
    pub event_type: String,
    pub message: String,
    pub created_at: NaiveDateTime,
    pub sent_at: Option<NaiveDateTime>,
    /// Since when no queue takes it.
    pub unrouted_at: Option<NaiveDateTime>,
}

/// Rows, the newest first.
#[derive(Debug, Clone)]
pub struct EventPage {
    pub rows: Vec<EventRow>,
    /// The number before which older rows are read; none if there are no older ones.
    pub older: Option<i64>,
}

/// The newest events that match, at most `limit` of them.
pub fn newest(db: &mut Db, filter: &EventFilter, limit: i64) -> Result<EventPage, StoreError> {
    let end = match filter.before {
        Some(before) => before,
        None => last(db)?.saturating_add(1),
    };
    let begin = end.saturating_sub(WINDOW);
    let mut select = dsl::outbox.filter(dsl::id.lt(end)).filter(dsl::id.ge(begin)).into_boxed();
    if !filter.event_types.is_empty() {
        select = select.filter(dsl::event_type.eq_any(&filter.event_types));
    }
    if let Some(request_id) = &filter.request_id {
        select = select.filter(dsl::message.like(format!("%{request_id}%")));
    }
    if let Some(id) = filter.item_id {
        // The body is JSON within JSON: each quote has a backslash before it.
        let [followed, last] = [",", "}"].map(|next| format!("%\"id_\":{id}{next}%"));
        select = select.filter(dsl::message.like(followed).or(dsl::message.like(last)));
    }
    let columns =
        (dsl::id, dsl::event_id, dsl::event_type, dsl::message, dsl::created_at, dsl::sent_at, dsl::unrouted_at);
    let rows: Vec<EventRow> = select.order(dsl::id.desc()).limit(limit).select(columns).load(db)?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|found| found >= limit);
    let reached = if is_full { rows.last().map_or(begin, |row| row.number) } else { begin };
    let older = if exists_before(db, reached)? { Some(reached) } else { None };
    Ok(EventPage { rows, older })
}

fn last(db: &mut Db) -> Result<i64, StoreError> {
    let last: Option<i64> = dsl::outbox.select(dsl::id).order(dsl::id.desc()).first(db).optional()?;
    Ok(last.unwrap_or_default())
}

fn exists_before(db: &mut Db, number: i64) -> Result<bool, StoreError> {
    let older = dsl::outbox.filter(dsl::id.lt(number)).order(dsl::id.desc()).select(dsl::id);
    Ok(older.first::<i64>(db).optional()?.is_some())
}
