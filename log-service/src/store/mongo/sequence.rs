//! The sequence of ids, shared by all replicas: one document with the last assigned id and the open spans.
//!
//! `{_id: "ids", last: 1200, open: [{first: 1101, last: 1200, until: <date>}]}`. A writer takes a span, inserts under its
//! ids, and closes the span; each step is one atomic, majority-confirmed change of this document. An id below every open
//! span is settled: either its entry is visible to every majority read, or no entry will ever have it. Reads go up to
//! the last settled id, which makes "once an id was seen, no smaller one appears" true for any number of writers
//! (docs/decisions/0020).

use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, doc};
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Collection};
use serde::Deserialize;

use super::errors::{MongoError, limited};

const KEY: &str = "ids";
/// A span that is open for longer no longer belongs to its writer. Writing takes milliseconds; a writer that stalls for longer
/// finds its ids taken and takes others, so the bound costs it time and loses no entry.
const LEASE_MS: i64 = 5_000;
/// More open spans than any number of healthy writers has: beyond, no span is given until some are settled.
const MAX_OPEN: i64 = 1_000;

/// Ids from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    last: i64,
    open: Vec<Span>,
}

#[derive(Clone)]
pub(super) struct Sequence {
    documents: Collection<State>,
}

impl Sequence {
    pub(super) fn new(documents: Collection<State>) -> Self {
        Self { documents }
    }

    /// Makes the document if there is none, and never lets it be below an existing entry (a restored backup).
    pub(super) async fn prepare(&self, newest: i64) -> Result<(), MongoError> {
        let last = doc! { "$max": [{ "$ifNull": ["$last", Bson::Int64(0)] }, newest] };
        let update = vec![doc! { "$set": { "last": last, "open": { "$ifNull": ["$open", []] } } }];
        limited(self.documents.update_one(doc! { "_id": KEY }, update).upsert(true)).await?;
        Ok(())
    }

    /// Takes so many ids, at least one.
    pub(super) async fn open(&self, count: usize) -> Result<Span, MongoError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let span = doc! {
            "first": { "$add": ["$last", Bson::Int64(1)] },
            "last": { "$add": ["$last", count] },
            "until": { "$add": ["$$NOW", LEASE_MS] },
        };
        let update = vec![doc! { "$set": {
            "last": { "$add": ["$last", count] },
            "open": { "$concatArrays": ["$open", [span]] },
        } }];
        let free = doc! { "_id": KEY, format!("open.{}", MAX_OPEN - 1): { "$exists": false } };
        let call = self.documents.find_one_and_update(free, update).return_document(ReturnDocument::After);
        match limited(call).await? {
            Some(State { last, .. }) => Ok(Span { first: last - count + 1, last }),
            None => {
                Err(MongoError::Busy("no ids are given: the sequence is missing or too much of it is open".to_owned()))
            }
        }
    }

    /// Closes a span: nothing will be inserted under its ids any more. A second close has no effect.
    pub(super) async fn close(&self, span: Span) -> Result<(), MongoError> {
        let update = doc! { "$pull": { "open": { "first": span.first } } };
        limited(self.documents.update_one(doc! { "_id": KEY }, update)).await?;
        Ok(())
    }

    /// The last id up to which everything is settled; 0 while there is none. The session's next reads see all of it.
    pub(super) async fn settled(&self, session: &mut ClientSession) -> Result<i64, MongoError> {
        let state = limited(self.documents.find_one(doc! { "_id": KEY }).session(session)).await?;
        let state = state.ok_or_else(|| MongoError::Unavailable("the sequence of ids is missing".to_owned()))?;
        Ok(state.open.iter().map(|span| span.first - 1).min().unwrap_or(state.last))
    }

    /// The spans whose lease has ended, by the server's clock.
    pub(super) async fn overdue(&self) -> Result<Vec<Span>, MongoError> {
        let overdue = doc! { "$filter": { "input": "$open", "cond": { "$lt": ["$$this.until", "$$NOW"] } } };
        let pipeline = [doc! { "$match": { "_id": KEY } }, doc! { "$project": { "last": 1, "open": overdue } }];
        let read = async {
            let cursor = self.documents.aggregate(pipeline).with_type::<State>().await?;
            cursor.try_collect::<Vec<State>>().await
        };
        Ok(limited(read).await?.into_iter().flat_map(|state| state.open).collect())
    }
}
