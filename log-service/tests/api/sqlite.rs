//! The behaviour of a log in SQLite alone.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use log_service::config::Config;
use serde_json::json;
use service_kit::messaging::{Destination, Outgoing, PublishResult, Publisher};
use shared_events::events::AccountCreated;

use crate::consumer::{message, to_exchange, total};
use crate::harness::{App, Who, event};

#[actix_web::test]
async fn a_locked_store_pauses_the_queue_and_loses_and_doubles_nothing() {
    let app = App::start().await;
    let path = app.place.file();
    let mut lock = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    lock.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();

    let sent = message::<AccountCreated>(1);
    let mut resumed = app.broker.resumed();
    let PublishResult::Later { progress, waiting_for, .. } = app.broker.publish(to_exchange(&sent)).await else {
        panic!("the store is locked");
    };
    assert_eq!(waiting_for.as_deref(), Some("log-service"));
    assert!(progress.get("log-service").is_none_or(|progress| progress.counts().attempts == 0), "{progress:?}");
    let refused = app.post(Who::Service, "/api/logs", &event(None, "refused")).await;
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("retry-after")), (503, true));
    assert_eq!(total(&app).await, 0, "reading goes on");

    lock.batch_execute("ROLLBACK").unwrap();
    let queue = tokio::time::timeout(Duration::from_mins(1), resumed.recv()).await.unwrap().unwrap();
    assert_eq!(queue, "log-service");
    let again = Outgoing { message: sent, destination: Destination::Exchange, progress };
    assert_eq!(app.broker.publish(again).await, PublishResult::Accepted);
    assert_eq!(total(&app).await, 1);
    assert!(app.dead_letters.all().is_empty());
    app.running.stop().await;
}

#[actix_web::test]
async fn a_log_of_before_transfers_is_read_on() {
    let app = App::start().await;
    let before = app.record(event(Some(1), "before")).await;
    let place = Arc::clone(&app.place);
    app.running.stop().await;
    let mut file = SqliteConnection::establish(place.file().to_str().unwrap()).unwrap();
    file.batch_execute(include_str!("../../migrations/sqlite/0003_viewers/down.sql")).unwrap();
    file.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '0003'").unwrap();
    drop(file);

    let app = App::start_in(place).await;
    assert_eq!(app.get(Who::User(1), "/api/logs").await.json()["results"], json!([before]));
    app.record(event(Some(1), "after")).await;
    assert_eq!(app.get(Who::User(1), "/api/logs?order=desc").await.messages(), ["after", "before"]);
    app.running.stop().await;
}

#[test]
fn a_file_that_cannot_be_opened_is_named_by_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let below_a_file = format!("sqlite:{}/file/logs.sqlite", folder.path().display());
    let error = Config::new("127.0.0.1:0", &below_a_file).check().unwrap_err();
    assert!(error.to_string().contains(": LOG_DATABASE_URL: not a folder"), "{error}");

    let error = Config::new("127.0.0.1:0", "mysql://user:secret@host/logs").check().unwrap_err();
    assert!(error.to_string().contains("LOG_DATABASE_URL") && !error.to_string().contains("secret"), "{error}");
}
