//! Reads of one user's entries: the server's own profile shows what they cost.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use log_service::domain::NewLogEntry;
use mongodb::bson::{Document, doc};
use serde_json::json;

use crate::backend::Place;
use crate::harness::{App, Who, entry};
use crate::server::Mongod;

const READER: i64 = 77;

/// A transfer that another user caused, to the reader's account.
fn transfer() -> NewLogEntry {
    let mut transfer = entry(0);
    transfer.event_type = "transfer.posted".parse().unwrap();
    transfer.data = json!({"from": {"account_id": 1, "user_id": 1}, "to": {"account_id": 2, "user_id": READER}});
    transfer
}

/// One number of a profiled read.
fn number(read: &Document, name: &str) -> i64 {
    read.get_i64(name).or_else(|_| read.get_i32(name).map(i64::from)).unwrap()
}

#[actix_web::test]
async fn a_users_pages_read_what_they_show_and_sort_nothing() {
    let server = Mongod::start().await;
    let app = App::start_in(Arc::new(Place::on(&server.uri()))).await;
    for _ in 0..10 {
        app.fill(300).await;
        app.running.store().append(vec![transfer()]).await.unwrap();
    }
    let logs = app.place.collection("logs").await;
    let database = logs.client().database(&logs.namespace().db);
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    for query in ["after=&page_size=3", "after=&page_size=3&order=desc", "page_size=10&event_type=transfer.posted"] {
        assert!(!app.get(Who::User(READER), &format!("/api/logs?{query}")).await.messages().is_empty(), "{query}");
    }
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = app.place.collection("system.profile").await;
    let reads: Vec<Document> =
        profile.find(doc! { "command.find": "logs" }).await.unwrap().try_collect().await.unwrap();
    assert_eq!(reads.len(), 3);
    for read in reads {
        assert!(number(&read, "docsExamined") <= 20, "{read}");
        assert!(!read.get_bool("hasSortStage").unwrap_or(false), "{read}");
    }
    app.running.stop().await;
}
