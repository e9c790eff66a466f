//! The store of the suite: here, a database in MongoDB, named after the test's folder.

use std::sync::Arc;

use email_service::store::{DeliveryStore, MongoStore};
use service_kit::config::Secret;
use tempfile::TempDir;

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the servers are")]
pub(crate) fn variable(names: &[&str]) -> String {
    let given = names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    given.unwrap_or_else(|| panic!("{} is not set: run this by deploy/local/with.sh", names.join(" or ")))
}

pub(crate) fn database_url(folder: &TempDir) -> String {
    let server = variable(&["MONGODB_URI"]);
    let (hosts, query) = server.split_once('?').unwrap_or((&server, ""));
    let name = folder.path().file_name().unwrap().to_str().unwrap().replace('.', "");
    format!("{}/email_{name}?{query}", hosts.trim_end_matches('/'))
}

pub(crate) async fn open(folder: &TempDir) -> Arc<dyn DeliveryStore> {
    Arc::new(replica(folder).await)
}

/// One replica's store.
pub(crate) async fn replica(folder: &TempDir) -> MongoStore {
    MongoStore::open(&Secret::new(database_url(folder))).await.unwrap()
}

async fn fresh() -> (TempDir, Arc<dyn DeliveryStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    (folder, store)
}

crate::store_contract!(fresh());
