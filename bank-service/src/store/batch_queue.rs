//! A queue that few workers empty in batches: a request that comes while all workers are busy joins the next free worker's batch.
//!
//! A request that finds a free worker starts it at once. A worker runs for as long as any request waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::StoreError;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many workers run at once.
    pub(crate) workers: usize,
    /// The most requests in one batch.
    pub(crate) batch: usize,
    /// How many requests may wait; more get [`StoreError::Busy`].
    pub(crate) waiting: usize,
}

/// Clones share the queue.
pub(crate) struct BatchQueue<P> {
    bounds: Bounds,
    waiting: Arc<Mutex<Waiting<P>>>,
}

struct Waiting<P> {
    pieces: VecDeque<P>,
    busy: usize,
}

impl<P> Clone for BatchQueue<P> {
    fn clone(&self) -> Self {
        Self { bounds: self.bounds, waiting: Arc::clone(&self.waiting) }
    }
}

impl<P> BatchQueue<P> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, waiting: Arc::new(Mutex::new(Waiting { pieces: VecDeque::new(), busy: 0 })) }
    }

    /// Queues a request; returns a worker for the caller to run if one is free.
    pub(crate) fn join(&self, piece: P) -> Result<Option<BatchWorker<P>>, StoreError> {
        let mut waiting = self.waiting();
        self.push(&mut waiting, piece)?;
        if waiting.busy >= self.bounds.workers {
            return Ok(None);
        }
        waiting.busy += 1;
        Ok(Some(BatchWorker { queue: self.clone(), open: true }))
    }

    /// Queues a request that no free worker could take now; a worker must be busy that takes it next.
    pub(crate) fn wait(&self, piece: P) -> Result<(), StoreError> {
        self.push(&mut self.waiting(), piece)
    }

    fn push(&self, waiting: &mut Waiting<P>, piece: P) -> Result<(), StoreError> {
        if waiting.pieces.len() >= self.bounds.waiting {
            return Err(StoreError::Busy);
        }
        waiting.pieces.push_back(piece);
        Ok(())
    }

    /// Whether no worker runs and no request waits.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.waiting();
        waiting.busy == 0 && waiting.pieces.is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<P>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work on the queue. Dropping it frees the worker's slot.
pub(crate) struct BatchWorker<P> {
    queue: BatchQueue<P>,
    open: bool,
}

impl<P> BatchWorker<P> {
    /// The next batch. `None` ends the worker, under the same lock under which the queue was found empty.
    pub(crate) fn next(&mut self) -> Option<Vec<P>> {
        self.next_of(|_| true)
    }

    /// The next batch of the requests that `fits` takes, asked in their order; the others keep their places. `None` ends the worker,
    /// even if requests wait that did not fit: another worker must be busy that takes them next.
    pub(crate) fn next_of(&mut self, mut fits: impl FnMut(&P) -> bool) -> Option<Vec<P>> {
        let mut waiting = self.queue.waiting();
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        while taken.len() < self.queue.bounds.batch {
            match waiting.pieces.pop_front() {
                Some(piece) if fits(&piece) => taken.push(piece),
                Some(piece) => left.push_back(piece),
                None => break,
            }
        }
        left.append(&mut waiting.pieces);
        waiting.pieces = left;
        if taken.is_empty() {
            waiting.busy -= 1;
            self.open = false;
            return None;
        }
        Some(taken)
    }
}

impl<P> Drop for BatchWorker<P> {
    /// If the last worker exits early, its queued requests are dropped and their callers get [`StoreError::Busy`].
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let left = {
            let mut waiting = self.queue.waiting();
            waiting.busy -= 1;
            if waiting.busy == 0 { std::mem::take(&mut waiting.pieces) } else { VecDeque::new() }
        };
        drop(left);
    }
}

/// The result of a request that another caller's worker serves: [`StoreError::Busy`] if that worker got no connection or panicked.
pub(super) fn reply_or_busy<T, E: From<StoreError>>(
    answer: Result<Result<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    answer.unwrap_or_else(|_| Err(StoreError::Busy.into()))
}

/// The result for the caller that started the worker, which runs on by itself: this caller waits for its own reply only, and
/// gets the worker's error if there is none.
pub(super) async fn reply_or_error<T, E: From<StoreError>>(
    mut rx: oneshot::Receiver<Result<T, E>>,
    mut working: JoinHandle<Result<(), StoreError>>,
) -> Result<T, E> {
    tokio::select! {
        biased;
        answer = &mut rx => reply_or_busy(answer),
        worked = &mut working => match (rx.await, worked) {
            (Ok(answer), _) => answer,
            (Err(_), Ok(Err(error))) => Err(error.into()),
            (Err(_), _) => Err(StoreError::Busy.into()),
        },
    }
}
