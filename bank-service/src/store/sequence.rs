//! Row ids: small whole numbers, handed out from memory, without a round trip per row.
//!
//! MySQL: blocks are reserved from the `sequences` row (hi/lo), so replicas never hand out the same id. A clean stop gives the
//! rest of a block back; after a crash it is skipped. SQLite: there is one writer, and the counters are written in the same commit as the rows that used them,
//! so there are no gaps but those of rolled-back transactions. An id is never given twice.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use shared_events::ids::{
    AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, IdError, RoleId, SocialStatusId, UserId,
};

use super::schema::sequences;
use super::{Db, StoreError};

/// How many ids a replica reserves at a time on MySQL. A block that lasted for less than `BLOCK_LASTS` is followed by one of
/// twice its size, up to `LARGEST_STEADY_BLOCK`.
const BLOCK: i64 = 100;
const LARGEST_STEADY_BLOCK: i64 = 10_000;
const BLOCK_LASTS: Duration = Duration::from_secs(1);
/// A transaction that needs more ids at once than it found gets blocks that grow up to this.
const LARGEST_BLOCK: i64 = 100 << 10;

/// A table that counts its own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    Users,
    Roles,
    SocialStatuses,
    Cities,
    Banks,
    Branches,
    Clients,
    Accounts,
    Cards,
    Devices,
}

impl Sequence {
    pub const ALL: [Self; 10] = [
        Self::Users,
        Self::Roles,
        Self::SocialStatuses,
        Self::Cities,
        Self::Banks,
        Self::Branches,
        Self::Clients,
        Self::Accounts,
        Self::Cards,
        Self::Devices,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::SocialStatuses => "social_statuses",
            Self::Cities => "cities",
            Self::Banks => "banks",
            Self::Branches => "branches",
            Self::Clients => "clients",
            Self::Accounts => "accounts",
            Self::Cards => "cards",
            Self::Devices => "devices",
        }
    }
}

/// An id type whose values come from a sequence.
pub trait Sequenced: TryFrom<i64, Error = IdError> {
    const SEQUENCE: Sequence;
}

macro_rules! sequenced {
    ($($id:ty => $sequence:ident),+ $(,)?) => {$(
        impl Sequenced for $id {
            const SEQUENCE: Sequence = Sequence::$sequence;
        }
    )+};
}

sequenced! {
    UserId => Users,
    RoleId => Roles,
    SocialStatusId => SocialStatuses,
    CityId => Cities,
    BankId => Banks,
    BranchId => Branches,
    ClientId => Clients,
    AccountId => Accounts,
    CardId => Cards,
    DeviceId => Devices,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    next: i64,
    /// The first id that may not be given.
    limit: i64,
    /// SQLite: what the `sequences` row says.
    stored: i64,
}

/// How the blocks of one sequence went so far.
#[derive(Debug)]
struct Blocks {
    size: i64,
    reserved: Option<Instant>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { size: BLOCK, reserved: None }
    }
}

impl Blocks {
    /// The size of the next block.
    fn next(&mut self, now: Instant) -> i64 {
        if let Some(before) = self.reserved.replace(now) {
            let short = now.duration_since(before) < BLOCK_LASTS;
            self.size = if short { self.size * 2 } else { self.size / 2 };
            self.size = self.size.clamp(BLOCK, LARGEST_STEADY_BLOCK);
        }
        self.size
    }
}

/// The ids that this process may give out.
#[derive(Debug, Default)]
pub struct Ids {
    counters: [Mutex<Counter>; Sequence::ALL.len()],
    /// Held while a block is being reserved: all who find no ids at once wait for one block, instead of reserving one each.
    blocks: [Mutex<Blocks>; Sequence::ALL.len()],
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

    fn with<T>(&self, sequence: Sequence, f: impl FnOnce(&mut Counter) -> T) -> T {
        f(&mut lock(of(&self.counters, sequence)))
    }

    /// MySQL: sees to it that there are ids again. `reserve` moves the sequence on by a block, in a transaction of its own
    /// that is committed when it returns, and gives the first number beyond it. Blocks; call it outside of any transaction.
    ///
    /// `attempt` counts from 1: whoever comes again needs more ids at once than there were.
    pub(super) fn refill<E>(
        &self,
        sequence: Sequence,
        attempt: u32,
        reserve: impl FnOnce(i64) -> Result<i64, E>,
    ) -> Result<(), E> {
        let mut blocks = lock(of(&self.blocks, sequence));
        let wanted = match attempt {
            0 | 1 => 1,
            again => BLOCK.checked_shl((again - 1) * 2).map_or(LARGEST_BLOCK, |block| block.min(LARGEST_BLOCK)),
        };
        if self.with(sequence, |counter| counter.limit - counter.next >= wanted) {
            return Ok(());
        }
        let block = blocks.next(Instant::now()).max(wanted);
        let end = reserve(block)?;
        self.with(sequence, |counter| {
            // A block that follows the last one leaves what is left of that usable.
            if counter.limit != end - block {
                counter.next = end - block;
            }
            counter.limit = end;
        });
        Ok(())
    }

    /// MySQL: takes what is left of the block away, to be given back: from the first number to that beyond the last. Nothing of
    /// it can be handed out any more, whatever becomes of the giving.
    pub(super) fn surrender(&self, sequence: Sequence) -> Option<(i64, i64)> {
        self.with(sequence, |counter| {
            let left = (counter.next, counter.limit);
            counter.limit = counter.next;
            (left.0 < left.1).then_some(left)
        })
    }

    /// SQLite: takes over what the table says, where it is ahead of memory (at start, and when another process wrote).
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

    /// SQLite: the commit failed, so nothing is known about the table any more.
    pub(super) fn forget(&self) {
        for sequence in Sequence::ALL {
            self.with(sequence, |counter| counter.stored = 0);
        }
    }
}

/// MySQL: moves the sequence on by a block, and gives the first number beyond it.
pub(super) fn reserve(db: &mut Db, sequence: Sequence, block: i64) -> Result<i64, StoreError> {
    let row = sequences::table.find(sequence.name());
    let moved = || diesel::update(row).set(sequences::next_value.eq(sequences::next_value + block));
    if moved().execute(db)? == 0 {
        // The first of this sequence ever.
        ensure_row(db, sequence)?;
        moved().execute(db)?;
    }
    Ok(row.select(sequences::next_value).first(db)?)
}

/// MySQL: takes back a block's end that nobody has reserved beyond; one that is followed by another replica's block stays a gap.
pub(super) fn give_back(db: &mut Db, sequence: Sequence, (next, limit): (i64, i64)) -> Result<(), StoreError> {
    let row = sequences::table.find(sequence.name()).filter(sequences::next_value.eq(limit));
    diesel::update(row).set(sequences::next_value.eq(next)).execute(db)?;
    Ok(())
}

fn of<T>(each: &[T; Sequence::ALL.len()], sequence: Sequence) -> &T {
    // The order of `ALL` is that of the variants: a test looks.
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "as many as there are variants")]
    &each[sequence as usize]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ensure_row(db: &mut Db, sequence: Sequence) -> QueryResult<()> {
    let row = (sequences::name.eq(sequence.name()), sequences::next_value.eq(1_i64));
    match db {
        Db::Mysql(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
        Db::Sqlite(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn each_sequence_has_its_place() {
        let places = std::array::from_fn(|index| index);
        for (index, sequence) in Sequence::ALL.into_iter().enumerate() {
            assert_eq!(*of(&places, sequence), index);
        }
    }

    #[test]
    fn all_who_find_no_ids_at_once_wait_for_one_block_and_no_id_comes_twice() {
        let (ids, table, reserved) = (Ids::default(), AtomicI64::new(1), AtomicI64::new(0));
        let taken = Mutex::new(std::collections::BTreeSet::new());
        let take = || {
            for _ in 0..200 {
                let mut attempt = 0;
                let id: CardId = loop {
                    if let Ok(id) = ids.next() {
                        break id;
                    }
                    attempt += 1;
                    let reserve = |block| {
                        reserved.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(2));
                        Ok::<_, StoreError>(table.fetch_add(block, Ordering::SeqCst) + block)
                    };
                    ids.refill(Sequence::Cards, attempt, reserve).unwrap();
                    assert!(attempt < 6, "starved");
                };
                assert!(lock(&taken).insert(id.get()), "{id:?} came twice");
            }
        };
        std::thread::scope(|scope| (0..16).for_each(|_| drop(scope.spawn(take))));
        // 3,200 ids: blocks of 100, 200, 400, 800, 1,600 and one more; without turns it would be some hundred.
        assert!(reserved.load(Ordering::SeqCst) <= 8, "{reserved:?} blocks");
        assert_eq!(lock(&taken).len(), 3200);
    }

    #[test]
    fn whoever_needs_many_at_once_gets_them_in_the_end() {
        let (ids, mut end) = (Ids::default(), 1);
        for attempt in 1..=6 {
            ids.refill(Sequence::Cards, attempt, |block| {
                end += block;
                Ok::<_, StoreError>(end)
            })
            .unwrap();
        }
        assert!((0..100 << 10).all(|_| ids.next::<CardId>().is_ok()));
    }

    #[test]
    fn blocks_grow_while_they_do_not_last_and_shrink_again() {
        let (mut blocks, mut now) = (Blocks::default(), Instant::now());
        let mut after = |seconds: u64| {
            now += Duration::from_secs(seconds);
            blocks.next(now)
        };
        assert_eq!([after(0), after(0), after(0)], [100, 200, 400]);
        assert_eq!([after(5), after(5), after(5)], [200, 100, 100]);
        assert_eq!((0..20).map(|_| after(0)).max(), Some(LARGEST_STEADY_BLOCK));
    }
}
