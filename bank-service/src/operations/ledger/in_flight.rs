//! What the batches in flight change, so that two of them at once need no row in common.
//!
//! A request whose rows a running batch changes waits for its end, and so do later requests for the rows of one that waits: none is
//! overtaken for its own rows.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Job;
use super::command::Command;
use crate::domain::balance::Balance;
use crate::domain::ledger::LedgerId;
use crate::store::StoreError;
use crate::store::batch_queue::{BatchQueue, BatchWorker};

/// Something that one batch at a time changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Changed {
    Account(LedgerId),
    /// The bank's own ledger accounts: few, and most requests from outside meet in them.
    Stripes,
    /// Holds and originals, whose ledger accounts are not known before they are read.
    Transfers,
}

/// What a job changes, as far as it is known before anything is read.
pub(super) fn changed_by(job: &Job) -> Vec<Changed> {
    match job {
        Job::Card(card) if card.wanted.balance == Balance::default() => Vec::new(),
        Job::Card(_) => vec![Changed::Stripes],
        Job::Money(request) => match &request.command {
            Command::Transfer(order) => vec![Changed::Account(order.from), Changed::Account(order.to)],
            Command::Outside { account, .. } => vec![Changed::Account(*account), Changed::Stripes],
            Command::Capture { .. } | Command::Void { .. } | Command::Expire { .. } => vec![Changed::Transfers],
            Command::Reverse { .. } => vec![Changed::Transfers, Changed::Stripes],
        },
    }
}

/// Clones share what is in flight.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<Changed>>>);

impl InFlight {
    /// Queues a request; returns a worker for the caller to run if one is free and nothing is in flight that the request needs.
    /// Otherwise it waits for the worker whose batch that is: another one would search the whole queue, and find none for it.
    pub(super) fn join<P>(
        &self,
        queue: &BatchQueue<P>,
        piece: P,
        changed: &[Changed],
    ) -> Result<Option<BatchWorker<P>>, StoreError> {
        // Held until the request is queued: whoever ends the batch asks for the next one afterwards.
        let in_flight = self.lock();
        if changed.iter().any(|one| in_flight.contains(one)) {
            return queue.wait(piece).map(|()| None);
        }
        queue.join(piece)
    }

    /// The worker's next batch, of requests that need nothing that is in flight, with what it changes. The batch is in flight until
    /// that is dropped, which must precede the worker's next call: the requests that were left wait for it.
    pub(super) fn next<P>(
        &self,
        worker: &mut BatchWorker<P>,
        changed_by: impl Fn(&P) -> Vec<Changed>,
    ) -> Option<(Vec<P>, Held)> {
        let mut in_flight = self.lock();
        let (mut taken, mut left) = (HashSet::new(), HashSet::new());
        let batch = worker.next_of(|piece| {
            let changed = changed_by(piece);
            let is_free = changed.iter().all(|one| !in_flight.contains(one) && !left.contains(one));
            if is_free { &mut taken } else { &mut left }.extend(changed);
            is_free
        })?;
        in_flight.extend(&taken);
        Some((batch, Held { in_flight: self.clone(), changed: taken }))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Changed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a running batch changes.
pub(super) struct Held {
    in_flight: InFlight,
    changed: HashSet<Changed>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut in_flight = self.in_flight.lock();
        for one in &self.changed {
            in_flight.remove(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::batch_queue::Bounds;

    type Request = (usize, Vec<Changed>);

    fn accounts(ids: &[i64]) -> Vec<Changed> {
        ids.iter().map(|id| Changed::Account(LedgerId::stored(*id))).collect()
    }

    fn queue() -> BatchQueue<Request> {
        BatchQueue::new(Bounds { workers: 2, batch: 8, waiting: 100 })
    }

    /// The places of the requests that a worker takes.
    fn next(in_flight: &InFlight, worker: &mut BatchWorker<Request>) -> Option<(Vec<usize>, Held)> {
        let (batch, held) = in_flight.next(worker, |(_, changed)| changed.clone())?;
        Some((batch.into_iter().map(|(place, _)| place).collect(), held))
    }

    #[test]
    fn two_batches_at_once_have_nothing_in_common_and_none_is_overtaken_for_its_own_rows() {
        let (queue, in_flight) = (queue(), InFlight::default());
        let mut one = queue.join((0, accounts(&[2, 4]))).unwrap().unwrap();
        let (first, held) = next(&in_flight, &mut one).unwrap();
        assert_eq!(first, [0]);
        let mut other = queue.join((1, accounts(&[6, 4]))).unwrap().unwrap();
        let holds = || vec![Changed::Transfers];
        for request in [(2, accounts(&[6, 8])), (3, accounts(&[10, 12])), (4, holds()), (5, holds()), (6, Vec::new())] {
            assert!(queue.join(request).unwrap().is_none());
        }
        // 1 needs 4, and 2 must not overtake it for 6.
        let (second, other_held) = next(&in_flight, &mut other).unwrap();
        assert_eq!(second, [3, 4, 5, 6]);
        drop(held);
        let (third, held) = next(&in_flight, &mut one).unwrap();
        assert_eq!(third, [1, 2]);
        drop(other_held);
        assert!(next(&in_flight, &mut other).is_none());
        drop(held);
        assert!(next(&in_flight, &mut one).is_none());
        assert!(in_flight.lock().is_empty());
    }

    #[test]
    fn requests_that_do_not_fit_wait_for_the_worker_that_is_busy() {
        let (queue, in_flight) = (queue(), InFlight::default());
        let mut one = queue.join((0, accounts(&[2, 4]))).unwrap().unwrap();
        let (_, held) = next(&in_flight, &mut one).unwrap();
        let mut other = queue.join((1, accounts(&[4, 2]))).unwrap().unwrap();
        assert!(next(&in_flight, &mut other).is_none());
        drop(held);
        assert_eq!(next(&in_flight, &mut one).unwrap().0, [1]);
    }

    #[test]
    fn a_request_for_rows_in_flight_starts_no_worker_and_is_in_the_next_batch() {
        let (queue, in_flight) = (queue(), InFlight::default());
        let join = |place, ids: &[i64]| {
            let changed = accounts(ids);
            in_flight.join(&queue, (place, changed.clone()), &changed).unwrap()
        };
        let mut one = join(0, &[2, 4]).unwrap();
        let (_, held) = next(&in_flight, &mut one).unwrap();
        assert!(join(1, &[4, 6]).is_none());
        let mut other = join(2, &[8]).unwrap();
        assert_eq!(next(&in_flight, &mut other).unwrap().0, [2]);
        assert!(next(&in_flight, &mut other).is_none());
        drop(held);
        assert_eq!(next(&in_flight, &mut one).unwrap().0, [1]);
    }
}
