//! Row ids: small whole numbers from memory, without a round trip per row.
//!
//! MySQL: blocks are reserved from the `sequences` row (hi/lo; see `mysql::blocks`), so replicas never assign the same id. A clean
//! shutdown gives the rest of a block back; after a crash it is skipped. SQLite: there is one writer, and the counters are written
//! in the same commit as the rows that used them, so the only gaps are those of rolled-back transactions. An id is assigned once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;

use super::schema::sequences;
use super::{Db, Sequence, Sequenced, StoreError};

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counter {
    pub(super) next: i64,
    /// The first id beyond the reserved block.
    pub(super) limit: i64,
    /// SQLite: the value of the `sequences` row.
    stored: i64,
}

/// The ids that this process may assign.
#[derive(Debug, Default)]
pub struct Ids {
    counters: [Mutex<Counter>; Sequence::ALL.len()],
    /// Held while a block is being reserved: callers that find no ids wait for one block, instead of reserving one each.
    #[cfg(feature = "mysql")]
    pub(super) blocks: [Mutex<super::mysql::Blocks>; Sequence::ALL.len()],
}

impl Ids {
    pub fn next<I: Sequenced>(&self) -> Result<I, StoreError> {
        let exhausted = StoreError::IdsExhausted(I::SEQUENCE);
        let Some(value) = self.with(I::SEQUENCE, |counter| {
            (counter.next < counter.limit).then(|| {
                counter.next += 1;
                counter.next - 1
            })
        }) else {
            return Err(exhausted);
        };
        I::try_from(value).map_err(|_| exhausted)
    }

    /// Whether so many ids can be taken. It takes none, so that a transaction can begin with it.
    pub fn require<I: Sequenced>(&self, count: usize) -> Result<(), StoreError> {
        let left = self.with(I::SEQUENCE, |counter| counter.limit.saturating_sub(counter.next));
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if left >= count { Ok(()) } else { Err(StoreError::IdsExhausted(I::SEQUENCE)) }
    }

    pub(super) fn with<T>(&self, sequence: Sequence, f: impl FnOnce(&mut Counter) -> T) -> T {
        f(&mut lock(of(&self.counters, sequence)))
    }

    /// SQLite: takes the table's values where they are ahead of memory (at start, and when another process wrote).
    pub(super) fn load(&self, db: &mut Db) -> QueryResult<()> {
        let rows: Vec<(String, i64)> = sequences::table.load(db)?;
        for sequence in Sequence::ALL {
            let stored = rows.iter().find(|(name, _)| name == sequence.name()).map_or(1, |(_, next)| *next);
            self.with(sequence, |counter| {
                counter.stored = stored;
                counter.next = counter.next.max(stored);
                counter.limit = i64::MAX;
            });
        }
        Ok(())
    }

    /// SQLite: writes the counters that moved, in the transaction that is about to commit.
    pub(super) fn store(&self, db: &mut Db) -> QueryResult<()> {
        for sequence in Sequence::ALL {
            let moved = self.with(sequence, |counter| (counter.next != counter.stored).then_some(counter.next));
            let Some(next) = moved else { continue };
            let row = sequences::table.find(sequence.name());
            if diesel::update(row).set(sequences::next_value.eq(next)).execute(db)? == 0 {
                ensure_row(db, sequence)?;
                diesel::update(row).set(sequences::next_value.eq(next)).execute(db)?;
            }
            self.with(sequence, |counter| counter.stored = next);
        }
        Ok(())
    }

    /// SQLite: the commit failed, so the stored values are unknown.
    pub(super) fn forget(&self) {
        for sequence in Sequence::ALL {
            self.with(sequence, |counter| counter.stored = 0);
        }
    }
}

pub(super) fn of<T>(each: &[T; Sequence::ALL.len()], sequence: Sequence) -> &T {
    // `ALL` is in the order of the variants, which a test checks.
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "as many as there are variants")]
    &each[sequence as usize]
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn ensure_row(db: &mut Db, sequence: Sequence) -> QueryResult<()> {
    let row = (sequences::name.eq(sequence.name()), sequences::next_value.eq(1_i64));
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
        Db::Sqlite(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
    };
    Ok(())
}

/// Takes one number from the table itself, for a migration, which has no block of them.
pub(super) fn take_one(db: &mut Db, sequence: Sequence) -> QueryResult<i64> {
    ensure_row(db, sequence)?;
    let row = sequences::table.find(sequence.name());
    diesel::update(row).set(sequences::next_value.eq(sequences::next_value + 1)).execute(db)?;
    Ok(row.select(sequences::next_value).first::<i64>(db)? - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_has_its_place() {
        let places = std::array::from_fn(|index| index);
        for (index, sequence) in Sequence::ALL.into_iter().enumerate() {
            assert_eq!(*of(&places, sequence), index);
        }
    }
}
