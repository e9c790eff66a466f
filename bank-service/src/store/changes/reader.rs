//! Reads the outbox in row order, without missing rows that commit late.
//!
//! The engine numbers a row at its INSERT, and the row becomes visible at its commit, so a lower number may appear after a
//! higher one. At a missing number the reader waits `GAP_WAIT`, and then continues. Rows that appear later still are found by
//! reading the last `TRAIL` numbers again; each is handed on once. So one read is in order, and a position (the highest number
//! up to which every number was read or waited for) is a place to resume from.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use shared_events::WireMessage;

use super::owners;
use crate::domain::change::{Change, items_of, kind_of};
use crate::store::schema::outbox;
use crate::store::{Db, StoreError};

const PAGE: i64 = 500;
/// How long a missing number is waited for.
const GAP_WAIT: Duration = Duration::from_secs(1);
/// How many of the last numbers are read again.
const TRAIL: i64 = 2_000;

type Row = (i64, String, String, String);

/// The progress of one reader.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Every number up to here was handed on or waited for.
    position: i64,
    /// Numbers within the trail that were read.
    seen: BTreeSet<i64>,
    /// Since when the number after the position is missing.
    gap_since: Option<Instant>,
}

impl Reader {
    pub fn at(position: i64) -> Self {
        Self { position, seen: BTreeSet::new(), gap_since: None }
    }

    pub fn position(&self) -> i64 {
        self.position
    }

    /// Starts at the end of the outbox; the rows that exist now count as read.
    pub fn at_end(db: &mut Db) -> Result<Self, StoreError> {
        let mut reader = Self::at(last(db)?);
        reader.seen = reader.trail(db)?.into_iter().collect();
        Ok(reader)
    }

    /// The new changes in order, at most a page, with their owners; and whether more can be read at once.
    pub fn read(&mut self, db: &mut Db, now: Instant) -> Result<(Vec<Change>, bool), StoreError> {
        let before = self.position;
        let late = self.stragglers(db)?;
        let fresh: Vec<Row> = outbox::table
            .filter(outbox::id.gt(self.position))
            .order(outbox::id)
            .limit(PAGE)
            .select((outbox::id, outbox::event_id, outbox::event_type, outbox::message))
            .load(db)?;
        let full = i64::try_from(fresh.len()).unwrap_or(PAGE) >= PAGE;
        let taken = self.take(fresh, now);
        let more = full && !taken.is_empty();
        let late = late.into_iter().filter_map(|row| change_of(row, Some(before)));
        let mut changes: Vec<Change> = late.chain(taken.into_iter().filter_map(|row| change_of(row, None))).collect();
        owners::resolve(db, &mut changes)?;
        Ok((changes, more))
    }

    /// Takes the rows up to the first number that is still waited for.
    fn take(&mut self, fresh: Vec<Row>, now: Instant) -> Vec<Row> {
        let mut taken = Vec::with_capacity(fresh.len());
        for row in fresh {
            if row.0 > self.position + 1 {
                let since = *self.gap_since.get_or_insert(now);
                if now.duration_since(since) < GAP_WAIT {
                    break;
                }
            }
            self.gap_since = None;
            self.position = row.0;
            self.seen.insert(row.0);
            taken.push(row);
        }
        self.seen = self.seen.split_off(&(self.position - TRAIL));
        taken
    }

    fn trail(&self, db: &mut Db) -> Result<Vec<i64>, StoreError> {
        let trail = outbox::table.filter(outbox::id.gt(self.position - TRAIL)).filter(outbox::id.le(self.position));
        Ok(trail.select(outbox::id).order(outbox::id).load(db)?)
    }

    /// Rows below the position that became visible after it had passed them.
    fn stragglers(&mut self, db: &mut Db) -> Result<Vec<Row>, StoreError> {
        let Some(first) = self.seen.first().copied() else { return Ok(Vec::new()) };
        let unseen: Vec<i64> =
            self.trail(db)?.into_iter().filter(|id| *id > first && !self.seen.contains(id)).collect();
        if unseen.is_empty() {
            return Ok(Vec::new());
        }
        self.seen.extend(&unseen);
        let rows = outbox::table.filter(outbox::id.eq_any(unseen)).order(outbox::id);
        Ok(rows.select((outbox::id, outbox::event_id, outbox::event_type, outbox::message)).load(db)?)
    }
}

fn last(db: &mut Db) -> Result<i64, StoreError> {
    let last: Option<i64> = outbox::table.select(outbox::id).order(outbox::id.desc()).first(db).optional()?;
    Ok(last.unwrap_or_default())
}

/// A straggler has the position that was reached before it, so a stream that resumes there misses no row.
fn change_of((id, event_id, event_type, message): Row, position: Option<i64>) -> Option<Change> {
    kind_of(&event_type)?;
    let envelope = serde_json::from_str::<WireMessage>(&message).ok()?.decode().ok()?;
    let date = shared_events::date::zoned::format(&envelope.body.date);
    let items = items_of(&event_type, envelope.body.data);
    Some(Change { position: position.unwrap_or(id), event_id, date, items })
}

#[cfg(test)]
mod tests {
    use shared_events::events::CityCreated;
    use shared_events::{Envelope, Event as _};

    use super::*;
    use crate::store::{DatabaseUrl, Outcome, Store, migrations};

    const LATER: Duration = Duration::from_secs(3);

    fn store(folder: &tempfile::TempDir) -> Store {
        let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("bank.sqlite").display()).parse().unwrap();
        migrations::upgrade(&url).unwrap();
        Store::connect(&url).unwrap()
    }

    /// Commits a row with this number.
    async fn commit(store: &Store, number: i64) {
        let ctx = store.ctx(chrono::DateTime::UNIX_EPOCH);
        let event_id = service_kit::ids::new_event_id();
        let envelope = Envelope::new(event_id, "urn:test", None, ctx.now, &CityCreated::example()).unwrap();
        let message = serde_json::to_string(&WireMessage::encode(&envelope).unwrap()).unwrap();
        let insert = move |db: &mut Db, _: &_| {
            let row = (
                outbox::id.eq(number),
                outbox::event_id.eq(event_id.to_string()),
                outbox::event_type.eq("city.created"),
                outbox::message.eq(&message),
                outbox::created_at.eq(chrono::NaiveDateTime::default()),
            );
            diesel::insert_into(outbox::table).values(row).execute(db)?;
            Ok::<_, StoreError>(Outcome::new(()))
        };
        store.write(&ctx, insert).await.unwrap();
    }

    async fn read(store: &Store, reader: &mut Reader, now: Instant) -> Vec<i64> {
        let mut next = reader.clone();
        let read = store.read(move |db| next.read(db, now).map(|(changes, _)| (next, changes))).await;
        let (moved, changes): (Reader, Vec<Change>) = read.map_err(|error: StoreError| error).unwrap();
        *reader = moved;
        changes.iter().map(|change| change.position).collect()
    }

    #[tokio::test]
    async fn a_number_that_is_missing_is_waited_for_and_a_late_one_still_comes_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = store(&folder);
        let (mut reader, now) = (Reader::at(0), Instant::now());
        for number in [1, 2, 4] {
            commit(&store, number).await;
        }
        assert_eq!(read(&store, &mut reader, now).await, [1, 2]);
        commit(&store, 3).await;
        assert_eq!(read(&store, &mut reader, now).await, [3, 4]);
        for number in [6, 7] {
            commit(&store, number).await;
        }
        assert_eq!(read(&store, &mut reader, now).await, Vec::<i64>::new());
        assert_eq!(read(&store, &mut reader, now + LATER).await, [6, 7]);
        commit(&store, 5).await;
        // A straggler has the position that was reached before it.
        assert_eq!(read(&store, &mut reader, now + LATER).await, [7]);
        assert_eq!(read(&store, &mut reader, now + LATER).await, Vec::<i64>::new());
    }
}
