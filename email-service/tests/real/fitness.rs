//! Unusable servers are reported at the start; an unavailable one is waited for.

use email_service::store::{DeliveryStore as _, MongoStore, StoreError};
use mongodb::Client;
use mongodb::bson::Document;
use service_kit::config::Secret;
use service_kit::task;
use stand_ins::ports::free_port;
use test_support::eventually;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::contract::{now, planned};
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

/// Forwards the connections at a port to a server.
async fn forward(port: u16, server: String) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    drop(task::spawn("forward", async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&server).await.unwrap();
            drop(task::spawn("forwarded", async move { copy_bidirectional(&mut client, &mut server).await.ok() }));
        }
    }));
}

#[actix_rt::test]
async fn an_unavailable_server_is_waited_for_and_gets_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let (uri, port) = (database_url(&folder), free_port());
    let server = uri.split('/').nth(2).unwrap().to_owned();
    let unreachable = uri.replacen(&server, &format!("127.0.0.1:{port}"), 1);
    let store = MongoStore::open(&Secret::new(unreachable)).await.unwrap();
    let begin = async || store.begin(planned(1, &["a@b.example"]), now()).await;
    assert!(begin().await.is_err());
    forward(port, server).await;
    eventually("the server is reached", async || begin().await.is_ok()).await;
    let database = Client::with_uri_str(&uri).await.unwrap().default_database().unwrap();
    let indexes = database.collection::<Document>("deliveries").list_index_names().await.unwrap();
    assert!(indexes.iter().any(|name| name == "event_id_1_mailbox_1"), "{indexes:?}");
}
