//! Posts events to log-service over HTTP after their mail was accepted, until the log has them.
//!
//! The log is idempotent on `event_id`, so a post whose response was lost is repeated. During an outage of log-service the
//! poster pauses for at most `LONGEST_PAUSE` between attempts; only log-service's own refusal of the entry (see `log_answer`) ends
//! the attempts, is logged at ERROR and stays visible in the receipt.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use prometheus::IntCounterVec;
use serde_json::{Value, json};
use service_kit::clock::SharedClock;
use service_kit::http::{PeerClient, PeerTrust};
use service_kit::lifecycle::Shutdown;
use service_kit::telemetry::Metrics;
use service_kit::telemetry::trace::below;
use shared_events::{Envelope, WireMessage, date};
use tokio::sync::Notify;
use url::Url;

use super::log_answer::{self, PostResult};
use crate::store::{Outcome, Store, StoreError, mail_receipts, outbox};

const BATCH: i64 = 32;
const POLL: Duration = Duration::from_secs(1);
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
const FIRST_PAUSE_MS: i64 = 100;
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(4);

/// Makes a service token for log-service.
pub type TokenSource = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

pub struct LogPosterParts {
    pub store: Store,
    pub clock: SharedClock,
    pub log_service_url: Url,
    pub trust: PeerTrust,
    pub token: TokenSource,
    pub recorded: Arc<Notify>,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
}

pub struct LogPoster {
    parts: LogPosterParts,
    client: PeerClient,
    posted: IntCounterVec,
}

impl LogPoster {
    pub fn new(parts: LogPosterParts) -> Self {
        let posted =
            parts.metrics.counter("bank_log_posts_total", "Log entries posted after an ACK, by result.", &["result"]);
        let client = PeerClient::new("LOG_SERVICE_URL", &parts.trust, REQUEST_LIMIT);
        Self { parts, client, posted }
    }

    pub async fn run(self) {
        while !self.parts.shutdown.begun() {
            let busy = match self.post_due().await {
                Ok(posted) => posted > 0,
                Err(error) => {
                    tracing::warn!(%error, "the receipts cannot be read; trying again");
                    false
                }
            };
            if busy {
                continue;
            }
            tokio::select! {
                () = self.parts.shutdown.wait() => break,
                () = self.parts.recorded.notified() => {}
                () = tokio::time::sleep(POLL.min(Duration::from_millis(250))) => {}
            }
        }
    }

    /// Posts the entries that are due now; returns how many of them the log took.
    pub async fn post_due(&self) -> Result<usize, StoreError> {
        let now = self.parts.clock.now().naive_utc();
        let due = self.parts.store.read(move |db| mail_receipts::due(db, now, BATCH)).await?;
        let mut logged = 0;
        for (event_id, attempts) in due {
            let posted = self.post(&event_id).await?;
            logged += usize::from(matches!(posted, PostResult::Logged));
            self.write_down(event_id, attempts, posted).await?;
        }
        Ok(logged)
    }

    async fn post(&self, event_id: &str) -> Result<PostResult, StoreError> {
        let id = event_id.to_owned();
        let Some(text) = self.parts.store.read(move |db| outbox::message(db, &id)).await? else {
            return Ok(PostResult::Refused("the event is not in the outbox any more".to_owned()));
        };
        let decoded = serde_json::from_str::<WireMessage>(&text).ok().and_then(|message| message.decode().ok());
        let Some(envelope) = decoded else {
            return Ok(PostResult::Refused("the event in the outbox cannot be read".to_owned()));
        };
        Ok(self.send(&envelope).await)
    }

    async fn send(&self, envelope: &Envelope) -> PostResult {
        let token = match (self.parts.token)() {
            Ok(token) => token,
            Err(reason) => return PostResult::TryAgain(reason),
        };
        let Ok(url) = self.parts.log_service_url.join("/api/logs") else {
            return PostResult::TryAgain("LOG_SERVICE_URL cannot be extended by /api/logs".to_owned());
        };
        let mut request = self.client.post(url).bearer_auth(token).json(&entry(envelope));
        if let Some(request_id) = &envelope.correlation_id {
            request = request.header("X-Request-Id", request_id);
        }
        service_kit::fail_point!("post.unsent");
        // In the trace of the request that caused the event, whose span is that of its outbox row.
        let sending = below(envelope.traceparent.as_deref(), self.client.send(request));
        match service_kit::fail_point_during!("post.sent", sending).await {
            Ok(response) => {
                service_kit::fail_point!("post.answered");
                log_answer::read(response, envelope.id).await
            }
            Err(error) => PostResult::TryAgain(error.without_url().to_string()),
        }
    }

    async fn write_down(&self, event_id: String, attempts: i32, posted: PostResult) -> Result<(), StoreError> {
        let ctx = self.parts.store.ctx(self.parts.clock.now());
        let (result, due_at) = match posted {
            PostResult::Logged => {
                self.posted.with_label_values(&["logged"]).inc();
                let marked =
                    move |db: &mut _, ctx: &_| mail_receipts::mark_posted(db, ctx, &event_id).map(Outcome::new);
                return self.parts.store.write(&ctx, marked).await;
            }
            PostResult::TryAgain(reason) => {
                tracing::warn!(event_id, attempts, reason, "log-service did not take an entry; trying again");
                ("again", Some((ctx.now + pause(attempts)).naive_utc()))
            }
            PostResult::Refused(reason) => {
                tracing::error!(event_id, reason, "log-service refused an entry for good; its event is not logged");
                ("refused", None)
            }
        };
        self.posted.with_label_values(&[result]).inc();
        let attempts = attempts.saturating_add(1);
        let postponed =
            move |db: &mut _, _: &_| mail_receipts::postpone(db, &event_id, attempts, due_at).map(Outcome::new);
        self.parts.store.write(&ctx, postponed).await
    }
}

fn entry(envelope: &Envelope) -> Value {
    json!({
        "event_id": envelope.id,
        "event_type": envelope.event_type,
        "source": envelope.source,
        "user_id": envelope.body.user_id,
        "date": date::zoned::format(&envelope.body.date),
        "message": envelope.body.message,
        "data": envelope.body.data,
    })
}

fn pause(attempts: i32) -> TimeDelta {
    let doubled = FIRST_PAUSE_MS << attempts.clamp(0, 10);
    TimeDelta::milliseconds(doubled).min(LONGEST_PAUSE)
}
