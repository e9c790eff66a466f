//! Reads of single items by id, gathered: what is asked for while a query is under way is found by the next one, all at once.
//!
//! A round trip to the database costs far more than a row more in its answer, so under load a query serves many callers. Who
//! asks while nobody does waits for nobody. A query begins after all that it answers were asked, so each caller sees what was
//! committed before it asked, as if its query were its own.
//!
//! Bounds: `LANES` queries under way, `BATCH` ids each, `WAITING` callers; more are told that there is too much to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::engine::Engine;
use super::{Db, StoreError};

const LANES: usize = 2;
const BATCH: usize = 64;
const WAITING: usize = 4096;

/// What can be read by many ids in one query.
pub(super) trait Gathered: Clone + Send + 'static {
    /// Those that there are of these items, in any order, each under its id. An item that cannot be read is an error of its own.
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError>;
}

/// Items under their ids.
pub(super) type Found<T> = Vec<(i64, Result<T, StoreError>)>;

type Answer<T> = Result<Option<T>, StoreError>;

struct Ask<T> {
    id: i64,
    tell: oneshot::Sender<Answer<T>>,
}

/// Clones share what waits.
pub(super) struct Gather<T>(Arc<Mutex<Waiting<T>>>);

struct Waiting<T> {
    asked: Vec<Ask<T>>,
    lanes: usize,
}

impl<T> Clone for Gather<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Gather<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Waiting { asked: Vec::new(), lanes: 0 })))
    }
}

impl<T: Gathered> Gather<T> {
    /// The item of this id, if there is one.
    pub(super) async fn find(&self, engine: &Engine, id: i64) -> Answer<T> {
        let (tell, mut told) = oneshot::channel();
        let Some(lane) = self.ask(Ask { id, tell })? else { return heard(told.await) };
        // A lane goes on for as long as anybody asks; this caller waits for its own answer only.
        let working = engine.read(move |db| {
            lane.work(db);
            Ok::<_, StoreError>(())
        });
        tokio::select! {
            biased;
            answer = &mut told => heard(answer),
            worked = working => match (told.await, worked) {
                (Ok(answer), _) => answer,
                // It had no connection to ask on, or was given up: this caller can be told why.
                (Err(_), worked) => Err(worked.err().unwrap_or(StoreError::Busy)),
            },
        }
    }

    /// Gives a lane to work on, if there is room for one more.
    fn ask(&self, ask: Ask<T>) -> Result<Option<Lane<T>>, StoreError> {
        let mut waiting = self.waiting();
        if waiting.asked.len() >= WAITING {
            return Err(StoreError::Busy);
        }
        waiting.asked.push(ask);
        if waiting.lanes >= LANES {
            return Ok(None);
        }
        waiting.lanes += 1;
        Ok(Some(Lane { gather: self.clone(), open: true }))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody answers if the lane of another caller could not get a connection, or panicked; that caller is told why.
fn heard<T>(answer: Result<Answer<T>, oneshot::error::RecvError>) -> Answer<T> {
    answer.unwrap_or(Err(StoreError::Busy))
}

/// The right to have one query under way.
struct Lane<T: Gathered> {
    gather: Gather<T>,
    open: bool,
}

impl<T: Gathered> Lane<T> {
    fn work(mut self, db: &mut Db) {
        while let Some(batch) = self.next() {
            if let Err(error) = answer(db, batch) {
                tracing::warn!(%error, "a gathered read failed");
                // Who waits is told by the end of the lane.
                return;
            }
        }
    }

    /// None ends the lane, under the same lock under which nobody was found to wait.
    fn next(&mut self) -> Option<Vec<Ask<T>>> {
        let mut waiting = self.gather.waiting();
        if waiting.asked.is_empty() {
            waiting.lanes -= 1;
            self.open = false;
            return None;
        }
        let many = waiting.asked.len().min(BATCH);
        Some(waiting.asked.drain(..many).collect())
    }
}

impl<T: Gathered> Drop for Lane<T> {
    /// A lane that ends early takes those along whom nobody would serve.
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let left = {
            let mut waiting = self.gather.waiting();
            waiting.lanes -= 1;
            if waiting.lanes == 0 { std::mem::take(&mut waiting.asked) } else { Vec::new() }
        };
        drop(left);
    }
}

/// One query for all of them.
fn answer<T: Gathered>(db: &mut Db, batch: Vec<Ask<T>>) -> Result<(), StoreError> {
    let mut ids: Vec<i64> = batch.iter().map(|ask| ask.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = match T::load(db, &ids) {
        Ok(rows) => rows,
        Err(error) => {
            for ask in batch {
                // Who is not there any more needs no answer.
                drop(ask.tell.send(Err(error.for_each())));
            }
            return Err(error);
        }
    };
    let mut found: HashMap<i64, Result<T, StoreError>> = rows.into_iter().collect();
    for Ask { id, tell } in batch {
        let item = match found.get_mut(&id) {
            None => Ok(None),
            Some(Ok(item)) => Ok(Some(item.clone())),
            Some(Err(error)) => Err(error.for_each()),
        };
        drop(tell.send(item));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::super::{DatabaseUrl, Ids};
    use super::*;

    static QUERIES: AtomicUsize = AtomicUsize::new(0);

    /// There is every number below 1,000; 13 cannot be read, 666 takes the query along.
    #[derive(Debug, Clone, PartialEq)]
    struct Number(i64);

    impl Gathered for Number {
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
        let gather = Gather::<Number>::default();
        let find = |id| gather.find(&engine, id);

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

        // Whoever goes away takes nobody along.
        drop(tokio::time::timeout(Duration::from_millis(5), find(1)).await);
        assert_eq!(find(2).await.unwrap(), Some(Number(2)));

        let answers = join_all([1, 666, 2, 3].map(find)).await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(StoreError::Unavailable { .. }))), "{answers:?}");
        assert_eq!(find(3).await.unwrap(), Some(Number(3)), "lanes begin again");
        // A lane ends a moment after its last answer.
        for _ in 0..500 {
            if gather.waiting().lanes == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let waiting = gather.waiting();
        assert_eq!((waiting.lanes, waiting.asked.len()), (0, 0));
    }
}
