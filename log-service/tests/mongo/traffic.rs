//! Writers that repeat unconfirmed writes, as an outbox does, and the check of the result.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use log_service::domain::NewLogEntry;
use log_service::store::LogStore;
use serde_json::Value;
use test_support::eventually;

use crate::harness::{App, Who, entry};
use crate::stream::Events;

const WRITERS: usize = 4;
const BATCH: usize = 25;
/// Entries enough to show that all writers are at work.
const FLOW: usize = 40 * BATCH;

/// Writers that run until they are stopped.
#[derive(Default)]
pub(crate) struct Traffic {
    confirmed: AtomicUsize,
    is_over: AtomicBool,
}

impl Traffic {
    /// Returns once some more entries are confirmed.
    pub(crate) async fn flows(&self) {
        let enough = self.confirmed.load(Ordering::SeqCst) + FLOW;
        eventually("entries are confirmed", async || self.confirmed.load(Ordering::SeqCst) >= enough).await;
    }

    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Writes until it is stopped; returns the ids of the events, all of which were confirmed in the end.
    pub(crate) async fn write(&self, stores: &[Arc<dyn LogStore>]) -> Vec<String> {
        let writers = (0..WRITERS).map(|n| self.write_to(&stores[n % stores.len()]));
        futures_util::future::join_all(writers).await.into_iter().flatten().collect()
    }

    async fn write_to(&self, store: &Arc<dyn LogStore>) -> Vec<String> {
        let mut written = Vec::new();
        while !self.is_over.load(Ordering::SeqCst) {
            let batch: Vec<NewLogEntry> = (0..BATCH).map(entry).collect();
            eventually("a batch is confirmed", async || store.append(batch.clone()).await.is_ok()).await;
            self.confirmed.fetch_add(BATCH, Ordering::SeqCst);
            written.extend(batch.into_iter().map(|entry| entry.event_id.to_string()));
        }
        written
    }
}

/// Follows the live stream while the writers run, and until it has shown as many entries as they wrote.
pub(crate) async fn follow(app: &App, writing: impl Future<Output = Vec<String>>) -> (Vec<String>, Vec<Value>) {
    let mut stream = Events::open(app, Who::Manager, "", None).await;
    let (mut written, mut seen) = (None::<Vec<String>>, Vec::new());
    let mut writing = std::pin::pin!(writing);
    loop {
        if let Some(written) = written.take_if(|written| seen.len() >= written.len()) {
            return (written, seen);
        }
        tokio::select! {
            log = stream.log() => seen.push(log),
            done = &mut writing, if written.is_none() => written = Some(done),
        }
    }
}

/// The stream, and an export afterwards, show each event once, in the order of ids.
pub(crate) async fn assert_shown_once(app: &App, written: &[String], streamed: &[Value]) {
    let ids: Vec<i64> = streamed.iter().map(|log| log["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "ids grow");
    let expected: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    let shown: BTreeSet<&str> = streamed.iter().map(|log| log["event_id"].as_str().unwrap()).collect();
    assert_eq!((shown.len(), streamed.len()), (expected.len(), expected.len()));
    assert_eq!(shown, expected);
    let export = app.get(Who::Admin, "/api/logs/export").await.text;
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exported, streamed);
}
