//! Batches of entries by the bare driver of MongoDB, with as many workers as log-service has; and the rate at which log-service
//! drains its queue.

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, IndexOptions, WriteConcern};
use mongodb::{Client, Collection, IndexModel};
use service_kit::task;

use super::sum;
use crate::per_second;

const WORKERS: u64 = 4;
const BATCH: u64 = 256;
const LIMIT: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(5);

#[derive(Debug, Args)]
pub(crate) struct Target {
    #[arg(long)]
    mongodb_uri: String,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Counted {
    /// Whose `/metrics`
    #[arg(long)]
    url: String,
    /// Which counter
    #[arg(long)]
    metric: String,
    /// Text that a series of it must have, such as `result="accepted"`
    #[arg(long, default_value = "")]
    label: String,
    /// Until it is so high
    #[arg(long)]
    until: u64,
}

/// The ceiling: unordered inserts, confirmed by a majority and its journal, with the indexes of the log.
pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let client = Client::with_uri_str(&target.mongodb_uri).await?;
    let logs: Collection<Document> = client.database("bench").collection("logs");
    logs.drop().await?;
    let unique = IndexOptions::builder().unique(true).build();
    logs.create_indexes([
        IndexModel::builder().keys(doc! { "event_id": 1 }).options(unique).build(),
        IndexModel::builder().keys(doc! { "user_id": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "event_type": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "date": 1, "_id": 1 }).build(),
    ])
    .await?;
    let begun = Instant::now();
    let limit = Duration::from_secs(target.seconds);
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| task::spawn("raw-insert", insert(logs.clone(), worker, begun, limit))).collect();
    let mut count = 0;
    for worker in workers {
        count += worker.await??;
    }
    let rate = per_second(count, begun.elapsed());
    logs.drop().await?;
    Ok(format!("rate={rate}"))
}

async fn insert(logs: Collection<Document>, worker: u64, begun: Instant, limit: Duration) -> anyhow::Result<u64> {
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let mut batches = 0;
    while begun.elapsed() < limit {
        let first = (batches * WORKERS + worker) * BATCH;
        let entries = (first..first + BATCH).map(entry).collect::<Result<Vec<_>, _>>()?;
        logs.insert_many(entries).ordered(false).write_concern(concern.clone()).await?;
        batches += 1;
    }
    Ok(batches * BATCH)
}

/// An entry of the size that card.created has.
fn entry(number: u64) -> anyhow::Result<Document> {
    let id = i64::try_from(number)?;
    Ok(doc! {
        "_id": id, "event_id": format!("00000000-0000-7000-8000-{number:012x}"), "event_type": "card.created",
        "source": "urn:bank-service", "user_id": 2_i64, "date": "2026-01-01T00:00:00", "message": "Card created",
        "data": { "id": id, "balance": 100_i64, "account_id": 1_i64 }, "received_at": "2026-01-01T00:00:00.000000",
        "fingerprint": "0123456789abcdef0123456789abcdef",
    })
}

/// The rate at which a counter moves, from its first movement to the value that is waited for.
pub(crate) async fn counted(target: &Counted) -> anyhow::Result<String> {
    let http = service_kit::http::client(Duration::from_secs(5));
    let url = format!("{}/metrics", target.url);
    let started = Instant::now();
    let mut first: Option<(Instant, u64)> = None;
    while started.elapsed() < LIMIT {
        if let Ok(answer) = http.get(&url).send().await {
            let count = sum(&answer.text().await?, &target.metric, &[&target.label])?;
            let now = Instant::now();
            match first {
                Some((begun, before)) if count >= target.until => {
                    return Ok(format!("rate={} count={count}", per_second(count - before, now - begun)));
                }
                None if count > 0 => first = Some((now, count)),
                _ => {}
            }
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("{} of {} is not {} after {} s", target.metric, target.url, target.until, LIMIT.as_secs())
}
