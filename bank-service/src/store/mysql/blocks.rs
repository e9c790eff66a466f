//! Ids in blocks: a replica reserves a block at a time from the `sequences` row, and gives the rest back at shutdown.

use std::time::Instant;

use diesel::prelude::*;

use super::block_size::BLOCK;
use crate::store::ids::{ensure_row, lock, of};
use crate::store::schema::sequences;
use crate::store::{Db, Ids, Sequence, StoreError};

/// The largest block for a transaction that needs more ids at once than it found; its blocks grow up to this.
const LARGEST_BLOCK: i64 = 100 << 10;

impl Ids {
    /// Ensures that ids are available. `reserve` advances the sequence by a block, in its own transaction, committed when it
    /// returns, and returns the first number beyond the block. Blocks; call it outside of any transaction.
    ///
    /// `attempt` counts from 1: a repeated call means that the transaction needs more ids at once than it found.
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
            // If the new block follows the last one, the rest of the last one stays usable.
            if counter.limit != end - block {
                counter.next = end - block;
            }
            counter.limit = end;
        });
        Ok(())
    }

    /// Takes the rest of the block, to be given back: the first number and the one beyond the last. None of these ids can be
    /// assigned any more, even if giving them back fails.
    pub(super) fn surrender(&self, sequence: Sequence) -> Option<(i64, i64)> {
        self.with(sequence, |counter| {
            let left = (counter.next, counter.limit);
            counter.limit = counter.next;
            (left.0 < left.1).then_some(left)
        })
    }
}

/// Advances the sequence by a block, and returns the first number beyond it.
pub(super) fn reserve(db: &mut Db, sequence: Sequence, block: i64) -> Result<i64, StoreError> {
    let row = sequences::table.find(sequence.name());
    let moved = || diesel::update(row).set(sequences::next_value.eq(sequences::next_value + block));
    if moved().execute(db)? == 0 {
        // The row of this sequence does not exist yet.
        ensure_row(db, sequence)?;
        moved().execute(db)?;
    }
    Ok(row.select(sequences::next_value).first(db)?)
}

/// Gives back the end of a block if no later block was reserved; otherwise it stays a gap.
pub(super) fn give_back(db: &mut Db, sequence: Sequence, (next, limit): (i64, i64)) -> Result<(), StoreError> {
    let row = sequences::table.find(sequence.name()).filter(sequences::next_value.eq(limit));
    diesel::update(row).set(sequences::next_value.eq(next)).execute(db)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use shared_events::CardId;

    use super::*;

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
        // 3,200 ids: blocks of 100, 200, 400, 800, 1,600 and one more; without the lock on the blocks it would be some hundred.
        assert!(reserved.load(Ordering::SeqCst) <= 8, "{reserved:?} blocks");
        assert_eq!(lock(&taken).len(), 3200);
    }

    #[test]
    fn a_caller_that_needs_many_at_once_gets_them_in_the_end() {
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
}
