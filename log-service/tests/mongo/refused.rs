//! Servers that cannot be used: one line, within seconds, naming the variable.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mongodb::bson::doc;

use crate::backend::Place;
use crate::running::start;
use crate::server::Mongod;

/// Starts the service, which has to fail soon; returns its error.
async fn refusal(uri: &str) -> String {
    let place = std::mem::ManuallyDrop::new(Place::on(uri));
    let began = Instant::now();
    let error = start(&place.config()).await.err().expect("refused").to_string();
    // The driver's own time limit is half a minute.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}: {error}", began.elapsed());
    assert!(error.starts_with("MONGODB_URI: ") && error.lines().count() == 1, "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    error
}

#[actix_web::test]
async fn a_server_without_a_replica_set_is_refused_with_the_remedy() {
    let server = Mongod::start_with(&[]).await;
    let error = refusal(&format!("mongodb://{}/", server.address())).await;
    assert!(error.contains("needs a replica set; start mongod with --replSet"), "{error}");
}

#[actix_web::test]
async fn a_replica_set_that_was_never_initiated_is_reported_as_that() {
    let server = Mongod::start_with(&["--replSet", "rs0"]).await;
    let error = refusal(&server.uri()).await;
    assert!(error.contains("rs.initiate()"), "{error}");
}

#[actix_web::test]
async fn a_wrong_name_of_the_replica_set_is_reported_as_that() {
    let uri = crate::backend::uri();
    let error = refusal(&uri.replace("replicaSet=", "replicaSet=not-")).await;
    assert!(error.contains("is replicaSet in the URI the name of the set?"), "{error}");
}

#[actix_web::test]
async fn a_wrong_password_is_refused_at_once() {
    let server = Mongod::start().await;
    let user = doc! { "createUser": "log", "pwd": "right", "roles": ["root"] };
    server.admin().await.run_command(user).await.unwrap();
    let error = refusal(&format!("mongodb://log:hunter2@{}/?replicaSet=rs0", server.address())).await;
    assert!(error.contains("refused the user name or the password"), "{error}");
}

/// The server of all tests, by TLS; with the rest of the URI.
fn by_tls(rest: &str) -> String {
    format!("{}&tls=true{rest}", crate::backend::uri())
}

#[actix_web::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_of_a_known_one_believed() {
    let error = refusal(&by_tls("")).await;
    assert!(error.contains("tlsCAFile"), "{error}");
    let place = Place::on(&by_tls(&format!("&tlsCAFile={}", crate::backend::ca_file())));
    start(&place.config()).await.expect("started").stop().await;
}

#[actix_web::test]
async fn a_server_that_is_not_there_or_silent_is_not_waited_for() {
    let error = refusal("mongodb://log:hunter2@127.0.0.1:1/?replicaSet=rs0").await;
    assert!(error.starts_with("MONGODB_URI: no primary is reachable at 127.0.0.1:1; "), "{error}");
    assert!(error.ends_with("is MongoDB running there?") && !error.contains('{'), "{error}");
    // Accepts connections, answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    refusal(&format!("mongodb://log:hunter2@{}/?replicaSet=rs0", silent.local_addr().unwrap())).await;
    let error = refusal("mongodb://log:hunter2@no-such-host.invalid/?replicaSet=rs0").await;
    assert!(error.contains("no-such-host"), "{error}");
}

/// As the older log service wrote them, beside its own indexes.
#[actix_web::test]
async fn a_collection_that_another_system_writes_to_is_refused_and_nothing_is_written() {
    for document in [doc! { "message": "theirs" }, doc! { "_id": 7_i64, "message": "theirs" }] {
        let place = Place::new();
        let theirs = place.collection("logs").await;
        theirs.insert_one(document.clone()).await.unwrap();
        let error = start(&place.config()).await.err().expect("refused").to_string();
        assert!(error.starts_with("MONGODB_URI: ") && error.contains(".logs holds documents"), "{error}");
        assert_eq!(theirs.count_documents(doc! {}).await.unwrap(), 1);
        assert_eq!(theirs.list_index_names().await.unwrap(), ["_id_"]);
        let sequence = place.collection("logs_sequence").await;
        assert_eq!(sequence.count_documents(doc! {}).await.unwrap(), 0);
    }
}

#[actix_web::test]
async fn a_document_of_another_system_in_a_log_of_ours_is_refused_too() {
    let place = Place::new();
    start(&place.config()).await.unwrap().stop().await;
    place.collection("logs").await.insert_one(doc! { "message": "theirs" }).await.unwrap();
    let error = start(&place.config()).await.err().expect("refused").to_string();
    assert!(error.contains("did not write"), "{error}");
}
