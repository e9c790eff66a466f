//! Unusable servers are reported at the start; an unavailable one is waited for.

use email_service::domain::DeliveryId;
use email_service::store::{DeliveryStore as _, MongoStore, StoreError};
use service_kit::config::Secret;

use crate::engine::{database_url, variable};

async fn refusal(uri: &str) -> String {
    match MongoStore::open(&Secret::new(uri)).await {
        Err(StoreError::Open(reason)) => reason.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{uri} was taken"),
    }
}

#[actix_rt::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_of_a_known_one_believed() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("{}&tls=true", database_url(&folder));
    let reason = refusal(&uri).await;
    assert!(reason.contains("tlsCAFile"), "{reason}");
    let known = format!("{uri}&tlsCAFile={}", variable(&["MONGODB_CA_FILE"]));
    MongoStore::open(&Secret::new(known)).await.unwrap();
}

#[actix_rt::test]
async fn a_wrong_password_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let uri = database_url(&folder).replace("mongodb://", "mongodb://nobody:hunter2@");
    let reason = refusal(&format!("{uri}&authSource=admin")).await;
    assert!(reason.contains("password") && !reason.contains("hunter2"), "{reason}");
}

#[actix_rt::test]
async fn an_unavailable_server_is_waited_for() {
    let unreachable = Secret::new("mongodb://127.0.0.1:1/email?replicaSet=rs0");
    let store = MongoStore::open(&unreachable).await.unwrap();
    let missed = store.find(DeliveryId::try_new(1).unwrap()).await;
    assert!(missed.is_err(), "{missed:?}");
}
