//! The numbers of new records, reserved in blocks: a write for each number would cost every mail the wait for one more journal.
//! The rest of a block is never used after the process ends.

use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::options::ReturnDocument;
use tokio::sync::Mutex;

use super::record::{Counter, unreadable};
use crate::store::StoreError;

/// The least number reserved at once. Replicas that send at the same time number their mails out of order by as many.
const BLOCK: i64 = 64;

/// The rest of a block.
#[derive(Default)]
pub(super) struct Numbers(Mutex<std::ops::Range<i64>>);

impl Numbers {
    /// So many consecutive numbers for this caller alone.
    pub(super) async fn take(
        &self,
        counters: &Collection<Counter>,
        count: usize,
    ) -> Result<std::ops::Range<i64>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut left = self.0.lock().await;
        if left.end - left.start < count {
            *left = reserve(counters, count.max(BLOCK)).await?;
        }
        let taken = left.start..left.start + count;
        left.start = taken.end;
        Ok(taken)
    }
}

async fn reserve(counters: &Collection<Counter>, count: i64) -> Result<std::ops::Range<i64>, StoreError> {
    let counting = counters.find_one_and_update(doc! { "_id": "deliveries" }, doc! { "$inc": { "value": count } });
    let counter = counting.upsert(true).return_document(ReturnDocument::After).await?;
    let end = counter.ok_or_else(|| unreadable("no counter"))?.value.saturating_add(1);
    Ok(end.saturating_sub(count)..end)
}
