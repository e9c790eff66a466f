//! Batched reads of single items by id: ids requested while a query is running are read by the next query, all at once.
//!
//! A round trip to the database costs far more than another row in its result, so under load one query serves many callers. A
//! request that finds a free worker starts at once. A query begins after all the requests that it serves, so each caller sees
//! what was committed before its request, as if the query were its own.
//!
//! Beyond `BOUNDS` a request fails with [`StoreError::Busy`].

use std::collections::HashMap;

use service_kit::task;
use tokio::sync::oneshot;

use super::batch_queue::{BatchQueue, BatchWorker, Bounds, reply_or_busy, reply_or_error};
use super::engine::Engine;
use super::{Db, StoreError};

const BATCH: usize = 64;
const BOUNDS: Bounds = Bounds { workers: 2, batch: BATCH, waiting: 4096 };

/// An item that can be read by many ids in one query.
pub(super) trait BatchLoad: Clone + Send + 'static {
    /// The existing items of these ids, in any order, each under its id. An item that cannot be read is an error of its own.
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError>;
}

/// Items under their ids.
pub(super) type Found<T> = Vec<(i64, Result<T, StoreError>)>;

type Answer<T> = Result<Option<T>, StoreError>;

struct LoadRequest<T> {
    id: i64,
    reply: oneshot::Sender<Answer<T>>,
}

/// Clones share the queue.
pub(super) struct BatchLoader<T>(BatchQueue<LoadRequest<T>>);

impl<T> Clone for BatchLoader<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for BatchLoader<T> {
    fn default() -> Self {
        Self(BatchQueue::new(BOUNDS))
    }
}

impl<T: BatchLoad> BatchLoader<T> {
    /// The item of this id, if it exists.
    pub(super) async fn find(&self, engine: &Engine, id: i64) -> Answer<T> {
        let (tx, rx) = oneshot::channel();
        let Some(worker) = self.0.join(LoadRequest { id, reply: tx })? else { return reply_or_busy(rx.await) };
        let engine = engine.clone();
        let working = task::spawn("batch-load", async move { engine.read(move |db| work(db, worker)).await });
        reply_or_error(rx, working).await
    }
}

fn work<T: BatchLoad>(db: &mut Db, mut worker: BatchWorker<LoadRequest<T>>) -> Result<(), StoreError> {
    while let Some(batch) = worker.next() {
        // Waiting callers get their error when the worker is dropped.
        answer(db, batch).inspect_err(|error| tracing::warn!(%error, "a batched read failed"))?;
    }
    Ok(())
}

/// Answers all requests with one query.
fn answer<T: BatchLoad>(db: &mut Db, batch: Vec<LoadRequest<T>>) -> Result<(), StoreError> {
    let mut ids: Vec<i64> = batch.iter().map(|request| request.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = match T::load(db, &ids) {
        Ok(rows) => rows,
        Err(error) => {
            for request in batch {
                // A failed send means that the caller is gone.
                drop(request.reply.send(Err(error.for_each())));
            }
            return Err(error);
        }
    };
    let mut found: HashMap<i64, Result<T, StoreError>> = rows.into_iter().collect();
    for LoadRequest { id, reply: tx } in batch {
        let item = match found.get_mut(&id) {
            None => Ok(None),
            Some(Ok(item)) => Ok(Some(item.clone())),
            Some(Err(error)) => Err(error.for_each()),
        };
        drop(tx.send(item));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::super::{DatabaseUrl, Ids};
    use super::*;

    static QUERIES: AtomicUsize = AtomicUsize::new(0);

    /// Test items: ids below 1,000 exist; 13 cannot be read; 666 makes the whole query fail.
    #[derive(Debug, Clone, PartialEq)]
    struct Number(i64);

    impl BatchLoad for Number {
        fn load(_: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError> {
            QUERIES.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            assert!(ids.len() <= BATCH && ids.is_sorted(), "{ids:?}");
            if ids.contains(&666) {
                return Err(StoreError::Unavailable { reason: "gone".to_owned() });
            }
            let read = |id| if id == 13 { Err(StoreError::Corrupt { what: "13" }) } else { Ok(Self(id)) };
            Ok(ids.iter().filter(|id| **id < 1000).map(|id| (*id, read(*id))).collect())
        }
    }

    #[tokio::test]
    async fn many_callers_share_few_queries_and_each_gets_its_own_answer() {
        let folder = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("a.sqlite").display()).parse().unwrap();
        let engine = Engine::connect(&url, &Arc::new(Ids::default())).unwrap();
        let loader = BatchLoader::<Number>::default();
        let find = |id| loader.find(&engine, id);

        let answers = join_all((0..300).map(|number| find(number % 100 + 950))).await;
        for (number, answer) in answers.into_iter().enumerate() {
            let id = i64::try_from(number).unwrap() % 100 + 950;
            assert_eq!(answer.unwrap(), (id < 1000).then_some(Number(id)));
        }
        let queries = QUERIES.swap(0, Ordering::SeqCst);
        assert!((5..=12).contains(&queries), "{queries} queries for 300 callers");

        let answers = join_all([12, 13, 13, 14].map(find)).await;
        let [Ok(Some(_)), Err(StoreError::Corrupt { .. }), Err(StoreError::Corrupt { .. }), Ok(Some(_))] = &answers[..]
        else {
            panic!("{answers:?}")
        };

        // A dropped caller must not end the query of the others.
        drop(tokio::time::timeout(Duration::from_millis(5), find(1)).await);
        assert_eq!(find(2).await.unwrap(), Some(Number(2)));

        let answers = join_all([1, 666, 2, 3].map(find)).await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(StoreError::Unavailable { .. }))), "{answers:?}");
        assert_eq!(find(3).await.unwrap(), Some(Number(3)), "lanes begin again");
        // A worker ends a moment after its last reply.
        for _ in 0..500 {
            if loader.0.is_idle() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(loader.0.is_idle());
    }
}
