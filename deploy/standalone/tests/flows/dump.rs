//! All data of a system, as bytes to search: files, or the contents of the real servers.

use std::path::Path;

use futures_util::TryStreamExt as _;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use mongodb::bson::Document;
use mysql_async::prelude::Queryable as _;

use crate::fixture::Store;

const QUEUES: [&str; 5] =
    ["bank-service.sms", "bank-service.push", "bank-service.acks", "log-service", "email-service"];

/// The names of the places, and their contents.
pub(crate) async fn of(store: &Store) -> Vec<(String, Vec<u8>)> {
    match store {
        Store::Files(folder) => {
            let mut found = Vec::new();
            files(folder, &mut found);
            found
        }
        Store::Servers { database, documents, documents_of, broker } => {
            let mut found = vec![("database".to_owned(), rows(database).await)];
            for name in documents_of {
                found.push((format!("MongoDB {name}"), collections(documents, name).await));
            }
            found.push(("dead letters".to_owned(), dead_letters(broker).await));
            found
        }
    }
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

/// Every row of every table.
async fn rows(url: &str) -> Vec<u8> {
    let mut connection = mysql_async::Conn::from_url(url).await.unwrap();
    let tables: Vec<String> = connection.query("SHOW TABLES").await.unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut bytes = Vec::new();
    for table in tables {
        let rows: Vec<mysql_async::Row> = connection.query(format!("SELECT * FROM `{table}`")).await.unwrap();
        for value in rows.into_iter().flat_map(mysql_async::Row::unwrap) {
            bytes.push(b'\n');
            match value {
                mysql_async::Value::Bytes(text) => bytes.extend(text),
                other => bytes.extend(format!("{other:?}").into_bytes()),
            }
        }
    }
    connection.disconnect().await.unwrap();
    bytes
}

/// Every document of every collection.
async fn collections(uri: &str, name: &str) -> Vec<u8> {
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database(name);
    let mut bytes = Vec::new();
    for collection in database.list_collection_names().await.unwrap() {
        let found = database.collection::<Document>(&collection).find(Document::new()).await.unwrap();
        let found: Vec<Document> = found.try_collect().await.unwrap();
        bytes.extend(found.iter().flat_map(|document| format!("{document}\n").into_bytes()));
    }
    bytes
}

/// Bodies and headers of the dead letters, which stay in their queues.
async fn dead_letters(uri: &str) -> Vec<u8> {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut bytes = Vec::new();
    for queue in QUEUES.map(|queue| format!("{queue}.dead")) {
        let there = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.as_str().into(), there, FieldTable::default()).await.unwrap();
        while let Some(message) = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await.unwrap() {
            bytes.extend(format!("{:?}", message.delivery.properties).into_bytes());
            bytes.extend(&message.delivery.data);
        }
    }
    // Unacknowledged messages return to their queue.
    connection.close(200, "done".into()).await.unwrap();
    bytes
}
