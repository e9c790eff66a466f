//! How much of the server's own pace is left: a figure beside the bare driver's in the same run, not a promise of its own.

use std::time::Instant;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, WriteConcern};

use crate::backend::Place;
use crate::harness::{App, entry};

const ENTRIES: u32 = 20_000;
const BATCH: u32 = 250;
const WRITERS: u32 = 4;

/// `insert_many` as the store does it, of documents of the same content, with the same indexes and nothing else.
async fn bare(place: &Place) -> f64 {
    let logs = place.collection("bare").await;
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options = CollectionOptions::builder().write_concern(concern).build();
    let logs =
        logs.client().database(logs.namespace().db.as_str()).collection_with_options::<Document>("bare", options);
    let unique = mongodb::options::IndexOptions::builder().unique(true).build();
    let index = |keys| IndexModel::builder().keys(keys).build();
    let own = IndexModel::builder().keys(doc! { "event_id": 1 }).options(unique).build();
    let others = [doc! { "user_id": 1, "_id": 1 }, doc! { "event_type": 1, "_id": 1 }, doc! { "date": 1, "_id": 1 }];
    logs.create_indexes(std::iter::once(own).chain(others.map(index))).await.unwrap();
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let logs = logs.clone();
        async move {
            for start in (0..ENTRIES / WRITERS).step_by(BATCH as usize) {
                let ids = (start..start + BATCH).map(|n| i64::from(writer * ENTRIES + n));
                logs.insert_many(ids.map(document)).ordered(false).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(writers).await;
    per_second(began)
}

fn document(id: i64) -> Document {
    let entry = entry(usize::try_from(id).unwrap());
    doc! {
        "_id": id, "event_id": entry.event_id.to_string(), "event_type": entry.event_type.as_str(), "source": entry.source,
        "user_id": entry.user_id.map(i64::from), "date": mongodb::bson::DateTime::now(), "received_at": mongodb::bson::DateTime::now(),
        "received_at_us": 0, "fingerprint": "0123456789abcdef", "search": &entry.message, "message": entry.message, "data": { "n": id },
    }
}

async fn through_the_store(app: &App) -> f64 {
    let began = Instant::now();
    let writers = (0..WRITERS).map(|_| {
        let store = app.running.store();
        async move {
            for _ in (0..ENTRIES / WRITERS).step_by(BATCH as usize) {
                store.append((0..BATCH as usize).map(entry).collect()).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(writers).await;
    per_second(began)
}

#[expect(clippy::float_arithmetic, reason = "a rate for people to read")]
fn per_second(began: Instant) -> f64 {
    f64::from(ENTRIES) / began.elapsed().as_secs_f64()
}

#[actix_web::test]
#[expect(clippy::float_arithmetic, reason = "a ratio for people to read")]
async fn appending_keeps_a_good_part_of_the_pace_of_the_bare_driver() {
    let app = App::start().await;
    let (bare, store) = (bare(&app.place).await, through_the_store(&app).await);
    let ratio = store / bare;
    println!("append: {store:.0} entries/s, bare insert_many: {bare:.0} documents/s, ratio {ratio:.2}");
    assert!(ratio > 0.2, "{ratio}");
    app.running.stop().await;
}
