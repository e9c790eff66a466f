//! Several replicas on one log: no entry doubled, and none missed by a reader that follows it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log_service::domain::{LogEntry, NewLogEntry, Order, Selection, Visibility};
use log_service::store::{Appended, LogStore, Start, Window};
use mongodb::bson::{Document, doc};
use serde_json::Value;
use test_support::eventually;

use crate::backend::Place;
use crate::harness::{App, Who, entry};
use crate::stream::Events;

const ROUNDS: usize = 40;
const OWN: usize = 20;
const SHARED: usize = 10;

fn selection() -> Selection {
    Selection { visibility: Visibility::Staff, filter: log_service::domain::Filter::default() }
}

/// Walks with a cursor until it is stopped and nothing is left; returns the events in the order of the walk.
async fn walk(store: Arc<dyn LogStore>, stop: Arc<AtomicBool>, expected: usize) -> Vec<LogEntry> {
    let mut walked: Vec<LogEntry> = Vec::new();
    loop {
        let after = walked.last().map(|entry| entry.id.clone());
        let window = Window { order: Order::Ascending, start: Start::After(after), limit: 37, until: None };
        let page = store.read(&selection(), window).await.unwrap();
        if page.is_empty() && (walked.len() >= expected || stop.load(Ordering::Acquire)) {
            return walked;
        }
        walked.extend(page);
        tokio::task::yield_now().await;
    }
}

/// Appends the entries shared with the other replica among its own, in small and large batches.
async fn write(store: Arc<dyn LogStore>, shared: Vec<Vec<NewLogEntry>>) -> usize {
    let mut recorded = 0;
    for round in shared {
        let own: Vec<NewLogEntry> = (0..OWN).map(entry).collect();
        let (left, right) = futures_util::future::join(store.append(own), store.append(round)).await;
        for appended in left.unwrap().into_iter().chain(right.unwrap()) {
            match appended {
                Appended::Recorded(_) => recorded += 1,
                Appended::Duplicate { same_content, .. } => assert!(same_content),
            }
        }
    }
    recorded
}

#[actix_web::test]
async fn streams_and_walks_miss_nothing_while_two_replicas_record() {
    let place = Arc::new(Place::new());
    let (one, other) = (App::start_in(Arc::clone(&place)).await, App::start_in(Arc::clone(&place)).await);
    let expected = ROUNDS * (2 * OWN + SHARED);
    let mut stream = Events::open(&one, Who::Manager, "", None).await;
    let stop = Arc::new(AtomicBool::new(false));
    let shared: Vec<Vec<NewLogEntry>> = (0..ROUNDS).map(|_| (0..SHARED).map(entry).collect()).collect();
    let streamed = async {
        let mut seen: Vec<Value> = Vec::new();
        while seen.len() < expected {
            seen.push(stream.log().await);
        }
        seen
    };
    let (recorded, walked, streamed) = tokio::join!(
        async { tokio::join!(write(one.running.store(), shared.clone()), write(other.running.store(), shared)) },
        walk(other.running.store(), Arc::clone(&stop), expected),
        streamed,
    );
    assert_eq!(recorded.0 + recorded.1, expected, "each event is recorded by exactly one replica");

    let all: Vec<LogEntry> = walk(one.running.store(), Arc::clone(&stop), expected).await;
    assert_eq!(all.len(), expected);
    assert_eq!(all.iter().map(|entry| entry.event_id).collect::<HashSet<_>>().len(), expected);
    assert_eq!(walked, all, "the live walk saw what is there, in the same order");
    let ids = |entries: &[LogEntry]| entries.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>();
    let streamed: Vec<String> = streamed.iter().map(|log| log["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(streamed, ids(&all), "the stream too");
    one.running.stop().await;
    other.running.stop().await;
}

/// Of two concurrent reads the one that began first may see less; that is no reason to refuse it.
#[actix_web::test]
async fn reads_beside_each_other_and_beside_writes_are_all_answered() {
    let app = App::start_in(Arc::new(Place::new())).await;
    let store = app.running.store();
    let stop = AtomicBool::new(false);
    let read = async || {
        let mut count = 0;
        while !stop.load(Ordering::Acquire) {
            let window = Window { order: Order::Descending, start: Start::Offset(0), limit: 5, until: None };
            store.read(&selection(), window).await.unwrap();
            count += 1;
        }
        count
    };
    let writes = async {
        for _ in 0..200 {
            store.append((0..3).map(entry).collect()).await.unwrap();
        }
        stop.store(true, Ordering::Release);
    };
    let readers = futures_util::future::join_all((0..16).map(|_| read()));
    let (counts, ()) = futures_util::future::join(readers, writes).await;
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    app.running.stop().await;
}

/// Opens a span as a replica does that dies before it inserts.
async fn abandon_span(place: &Place, ends_in_ms: i64) {
    let sequence = place.collection("logs_sequence").await;
    let until = doc! { "$add": ["$$NOW", ends_in_ms] };
    let span = doc! { "first": { "$add": ["$last", 1_i64] }, "last": { "$add": ["$last", 3_i64] }, "until": until };
    let update = doc! { "last": { "$add": ["$last", 3_i64] }, "open": { "$concatArrays": ["$open", [span]] } };
    sequence.update_one(doc! { "_id": "ids" }, vec![doc! { "$set": update }]).await.unwrap();
}

#[actix_web::test]
async fn what_a_dead_replica_left_open_holds_back_the_newest_for_a_while_only() {
    let app = App::start().await;
    app.fill(2).await;
    abandon_span(&app.place, 1_500).await;
    app.fill(2).await;
    let page = app.get(Who::Admin, "/api/logs").await.json();
    assert_eq!((page["total"].as_i64(), page["results"][1]["id"].as_str()), (Some(2), Some("2")), "{page}");
    eventually("the newest entries are shown", async || {
        let page = app.get(Who::Admin, "/api/logs").await.json();
        page["total"] == 4 && page["results"][2]["id"] == "6"
    })
    .await;
    app.running.stop().await;
}

#[actix_web::test]
async fn an_insert_that_arrives_after_its_time_gets_no_place_before_what_was_shown() {
    let app = App::start().await;
    app.fill(1).await;
    abandon_span(&app.place, -1).await;
    app.fill(1).await;
    eventually("the entries are shown", async || app.get(Who::Admin, "/api/logs").await.json()["total"] == 2).await;
    let logs = app.place.collection("logs").await;
    for id in 2..=4_i64 {
        let late: Document = doc! { "_id": id, "event_id": format!("late-{id}") };
        assert!(logs.insert_one(late).await.is_err(), "id {id} is void");
        assert_eq!(app.get(Who::Admin, &format!("/api/logs/{id}")).await.error(), "not_found");
        assert_eq!(app.delete(Who::Admin, &format!("/api/logs/{id}")).await.error(), "not_found");
    }
    assert_eq!(app.get(Who::Admin, "/api/logs/export").await.text.lines().count(), 2);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_log_that_was_restored_without_its_sequence_gives_no_id_twice() {
    let app = App::start().await;
    app.fill(5).await;
    let place = Arc::clone(&app.place);
    app.running.stop().await;
    place.collection("logs_sequence").await.drop().await.unwrap();
    let app = App::start_in(place).await;
    assert_eq!(app.record(crate::harness::event(None, "next")).await["id"], "6");
    app.running.stop().await;
}

#[actix_web::test]
async fn data_is_kept_exactly_and_as_fields_where_it_can_be() {
    let app = App::start().await;
    for data in [
        serde_json::json!({"id": 1, "balance": i64::MAX, "rate": 1.0, "nested": {"a": [null, true, "x"]}}),
        serde_json::json!({"huge": u64::MAX}),
        serde_json::json!({"$set": {"a.b": 1}, "": 2}),
    ] {
        let mut event = crate::harness::event(None, "exact");
        event["data"] = data.clone();
        let item = app.record(event).await;
        let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
        assert_eq!(app.get(Who::Admin, &path).await.json()["data"].to_string(), data.to_string());
        for other in [serde_json::json!({"a": 1}), data.clone()] {
            let changed = app.put(Who::Admin, &path, &serde_json::json!({"data": other})).await.json();
            assert_eq!(changed["item"]["data"].to_string(), other.to_string());
        }
    }
    let logs = app.place.collection("logs").await;
    assert_eq!(logs.count_documents(doc! { "data.nested.a": "x" }).await.unwrap(), 1);
    app.running.stop().await;
}

#[actix_web::test]
async fn the_server_removes_by_age_only_while_retention_is_set() {
    let place = Arc::new(Place::new());
    for (days, expected) in [(None, None), (Some("30"), Some(2_592_000)), (Some("7"), Some(604_800)), (None, None)] {
        let mut config = place.config();
        config.retention_days = days.map(str::to_owned);
        let app = App::start_with(Arc::clone(&place), config).await;
        let names = place.collection("logs").await.list_index_names().await.unwrap();
        assert_eq!(names.iter().any(|name| name == "received_at_ttl"), expected.is_some(), "{names:?}");
        let mut cursor = place.collection("logs").await.list_indexes().await.unwrap();
        let mut after = None;
        while cursor.advance().await.unwrap() {
            let index = cursor.deserialize_current().unwrap();
            after = after.or(index.options.and_then(|options| options.expire_after));
        }
        assert_eq!(after.map(|after| after.as_secs()), expected);
        app.running.stop().await;
    }
}
