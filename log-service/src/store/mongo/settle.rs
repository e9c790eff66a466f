//! Settles the spans of writers that failed, so that what was recorded after them becomes visible.
//!
//! Whether a failed insert took effect, or will still arrive, nobody can know. So every free id of its span is taken by a
//! void document first, durably; from then on a late insert finds its ids taken, and the span can be closed. Any replica may
//! do it, several at once too: each step repeated is nothing.
//! Own failures are settled as soon as the server is back, those of a replica that died when their time is over.

use std::sync::Arc;
use std::time::Duration;

use mongodb::Collection;
use mongodb::bson::Document;
use service_kit::clock::{Clock as _, SystemClock};
use tokio::sync::mpsc;

use super::errors::MongoError;
use super::insert::{CHUNK, insert};
use super::rows;
use super::sequence::{Sequence, Span};

/// How often overdue spans are looked for.
const INTERVAL: Duration = Duration::from_millis(500);
/// Spans that wait to be settled; beyond, they are left to their time limit.
const WAITING: usize = 256;

/// Where a writer leaves the spans that it failed on.
pub(super) type Failed = mpsc::Sender<Span>;

pub(super) struct Settler {
    sequence: Arc<Sequence>,
    voids: Collection<Document>,
    failed: mpsc::Receiver<Span>,
}

impl Settler {
    pub(super) fn new(sequence: Arc<Sequence>, voids: Collection<Document>) -> (Self, Failed) {
        let (sender, failed) = mpsc::channel(WAITING);
        (Self { sequence, voids, failed }, sender)
    }

    /// Runs until the last writer is gone.
    pub(super) async fn run(mut self) {
        let mut waiting: Vec<Span> = Vec::new();
        loop {
            match tokio::time::timeout(INTERVAL, self.failed.recv()).await {
                Ok(Some(span)) => waiting.push(span),
                Ok(None) => return,
                Err(_) => match self.sequence.overdue().await {
                    Ok(overdue) => waiting.extend(overdue),
                    Err(error) => tracing::debug!(%error, "overdue ids cannot be searched for"),
                },
            }
            while let Ok(span) = self.failed.try_recv() {
                waiting.push(span);
            }
            waiting.dedup();
            self.settle(&mut waiting).await;
            // What cannot be settled now is found again when it is overdue.
            waiting.truncate(WAITING);
        }
    }

    /// Settles from the first on, up to the first failure; what is left waits.
    async fn settle(&self, waiting: &mut Vec<Span>) {
        while let Some(span) = waiting.first().copied() {
            match self.settle_one(span).await {
                Ok(0) => {}
                Ok(voided) => tracing::info!(first = span.first, last = span.last, voided, "unused ids were voided"),
                Err(error) => {
                    tracing::debug!(%error, "failed writes are settled later");
                    tokio::time::sleep(INTERVAL).await;
                    return;
                }
            }
            waiting.remove(0);
        }
    }

    async fn settle_one(&self, span: Span) -> Result<usize, MongoError> {
        let now = SystemClock.now();
        let voids: Vec<Document> = (span.first..=span.last).map(|id| rows::void(id, now)).collect();
        let mut voided = voids.len();
        for chunk in voids.chunks(CHUNK) {
            voided -= insert(&self.voids, chunk).await?.len();
        }
        self.sequence.close(span).await?;
        Ok(voided)
    }
}
