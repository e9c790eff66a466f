//! The store of the suite: here, a SQLite file.

use std::sync::Arc;

use email_service::store::{DeliveryStore, SqliteStore};
use tempfile::TempDir;

pub(crate) fn database_url(folder: &TempDir) -> String {
    format!("sqlite:{}/email.sqlite", folder.path().display())
}

#[expect(clippy::unused_async, reason = "the same for stores behind a network")]
pub(crate) async fn open(folder: &TempDir) -> Arc<dyn DeliveryStore> {
    Arc::new(SqliteStore::open(&folder.path().join("email.sqlite")).unwrap())
}

async fn fresh() -> (TempDir, Arc<dyn DeliveryStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    (folder, store)
}

crate::store_contract!(fresh());
