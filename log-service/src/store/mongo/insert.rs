//! Inserting documents, where a unique index may refuse some.

use std::borrow::Borrow;

use mongodb::Collection;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use serde::Serialize;

use super::errors::{MongoError, limited};

/// Documents of one insert.
pub(super) const CHUNK: usize = 500;
const DUPLICATE_KEY: i32 = 11_000;

/// Whether a unique index refused a single insert.
pub(super) fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(fault)) if fault.code == DUPLICATE_KEY)
}

/// Inserts documents, each for itself; returns the indexes of those that a unique index refused.
pub(super) async fn insert<T>(
    collection: &Collection<T>,
    documents: &[impl Borrow<T> + Send + Sync],
) -> Result<Vec<usize>, MongoError>
where
    T: Serialize + Send + Sync,
{
    let call = async {
        Ok::<_, MongoError>(collection.insert_many(documents.iter().map(Borrow::borrow)).ordered(false).await)
    };
    let Err(error) = limited(call).await? else { return Ok(Vec::new()) };
    if let ErrorKind::InsertMany(faults) = &*error.kind
        && faults.write_concern_error.is_none()
        && let Some(refused) = &faults.write_errors
        && refused.iter().all(|fault| fault.code == DUPLICATE_KEY)
    {
        return Ok(refused.iter().map(|fault| fault.index).collect());
    }
    Err(error.into())
}
