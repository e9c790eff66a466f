//! Row ids: small whole numbers, handed out from memory, without a round trip per row.
//!
//! MySQL: blocks are reserved from the `sequences` row (hi/lo), so replicas never hand out the same id; a restart skips the
//! rest of a block. SQLite: there is one writer, and the counters are written in the same commit as the rows that used them,
//! so there are no gaps but those of rolled-back transactions. An id is never given twice.

use std::sync::Mutex;

use diesel::prelude::*;
use shared_events::ids::{
    AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, IdError, RoleId, SocialStatusId, UserId,
};

use super::schema::sequences;
use super::{Db, StoreError};

/// How many ids a replica reserves at a time on MySQL; a transaction that needs more than that at once gets blocks that
/// double, up to `LARGEST_BLOCK`.
const BLOCK: i64 = 100;
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

/// The ids that this process may give out.
#[derive(Debug, Default)]
pub struct Ids {
    counters: [Mutex<Counter>; Sequence::ALL.len()],
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
        let index = Sequence::ALL.iter().position(|known| *known == sequence).unwrap_or_default();
        let Some(counter) = self.counters.get(index) else { return f(&mut Counter::default()) };
        f(&mut counter.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// MySQL: reserves the next block. Runs in a transaction of its own, before the one that will use the ids.
    ///
    /// Only at the first attempt may another thread's block be enough.
    pub(super) fn reserve(&self, db: &mut Db, sequence: Sequence, attempt: u32) -> Result<(), StoreError> {
        if attempt == 1 && self.with(sequence, |counter| counter.next < counter.limit) {
            return Ok(());
        }
        let block =
            BLOCK.checked_shl(attempt.saturating_sub(1) * 2).map_or(LARGEST_BLOCK, |block| block.min(LARGEST_BLOCK));
        ensure_row(db, sequence)?;
        let row = sequences::table.find(sequence.name());
        diesel::update(row).set(sequences::next_value.eq(sequences::next_value + block)).execute(db)?;
        let end: i64 = row.select(sequences::next_value).first(db)?;
        self.with(sequence, |counter| {
            counter.next = end - block;
            counter.limit = end;
        });
        Ok(())
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

fn ensure_row(db: &mut Db, sequence: Sequence) -> QueryResult<()> {
    let row = (sequences::name.eq(sequence.name()), sequences::next_value.eq(1_i64));
    match db {
        Db::Mysql(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
        Db::Sqlite(conn) => diesel::insert_or_ignore_into(sequences::table).values(row).execute(conn)?,
    };
    Ok(())
}
