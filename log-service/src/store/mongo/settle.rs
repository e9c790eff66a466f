//! Settles the spans of writers that failed, so that the entries recorded after them become visible.
//!
//! Whether a failed insert took effect, or still will, cannot be known. So a void document takes every free id of its span
//! first, durably; from then on a late insert finds its ids taken, and the span can be closed. Any replica may do it, several
//! at the same time too: every step is idempotent.
//! Own failures are settled as soon as the server is back, those of a dead replica when their lease ends.

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

/// The interval between searches for overdue spans.
const INTERVAL: Duration = Duration::from_millis(500);
/// Spans that wait to be settled; more are left until their lease ends.
const WAITING: usize = 256;

/// The channel for spans whose write failed.
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

    /// Runs until the last writer was dropped.
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
            // A span that cannot be settled now is found again when it is overdue.
            waiting.truncate(WAITING);
        }
    }

    /// Settles from the first on, up to the first failure; the rest waits.
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
