//! `GET /api/logs/stream`: entries as server-sent events, as they are recorded.
//!
//! Every event is read from the store by its position, so none is missed or doubled whatever the waking does: a client that
//! comes back with `Last-Event-ID` goes on exactly there. Without it a stream starts at the present, and its first line
//! tells the position, so even a client that has seen no event yet can resume.
//! Ends when the service stops, the token expires, the client goes, or the client reads too slowly; each time it can resume.
//! Limits: a few chunks of buffer per client, and a number of clients (see [`super::Api`]).

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::problem::Problem;
use service_kit::task;
use tokio::time::Instant;

use super::Api;
use super::access::{Permitted, Read};
use super::feed::{CHUNK_BYTES, Feed, Gone, feed};
use super::params::{Params, not_a_position};
use super::problems::of_store;
use crate::domain::{LogEntry, LogId, Order, Selection};
use crate::store::{Start, StoreError, Window};

const LAST_EVENT_ID: &str = "Last-Event-ID";
const PAGE: i64 = 100;
/// Between two reads: entries that come in a burst are read together.
const GATHER: Duration = Duration::from_millis(20);
const BUSY_RETRY: Duration = Duration::from_secs(5);
/// What a client is told to wait before it connects again.
const RECONNECT_MS: u32 = 2_000;

/// The times of a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamSettings {
    /// Silence is broken by a comment after so long.
    pub heartbeat: Duration,
    /// The store is asked this often even if nothing was heard: another process may write to it.
    pub poll: Duration,
    /// A client that takes nothing for so long is dropped.
    pub patience: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(15), poll: Duration::from_secs(1), patience: Duration::from_secs(10) }
    }
}

#[utoipa::path(
    get, path = "/api/logs/stream", tag = "logs", operation_id = "streamLogs", summary = "Follow new entries",
    params(super::models::FilterParams, super::models::LastEventIdParam),
    responses(
        (status = 200, description = "Server-sent events of type `log`; `id` is the entry's id, `data` the entry",
            content_type = "text/event-stream", body = String),
        super::answers::ReadProblems, super::answers::FilterProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn stream(
    api: web::Data<Api>,
    caller: Permitted<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut params = Params::read(request.query_string())?;
    let filter = params.filter();
    params.finish()?;
    let selection = Selection { visibility: caller.visibility()?, filter };
    let position = match resume_from(&request)? {
        Some(id) if api.store.is_position(&id) => Some(id),
        Some(_) => return Err(not_a_position(LAST_EVENT_ID)),
        None => api.store.last().await.map_err(of_store)?,
    };
    let permit = api.streams.clone().try_acquire_owned().map_err(|_| Problem::overloaded(BUSY_RETRY))?;
    let seconds_left = u64::try_from(caller.claims.exp - api.clock.now().timestamp()).unwrap_or_default();
    let expires = Instant::now() + Duration::from_secs(seconds_left);
    let (sending, body) = feed(api.stream.patience);
    drop(task::spawn("log_stream", async move {
        let _permit = permit;
        let follower = Follower { api, selection, position, sending, expires };
        if follower.follow().await.is_err() {
            tracing::debug!("a stream's client has gone or was too slow");
        }
    }));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// The position that a returning client names; an empty one is none.
fn resume_from(request: &HttpRequest) -> Result<Option<LogId>, Problem> {
    let Some(value) = request.headers().get(LAST_EVENT_ID) else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| not_a_position(LAST_EVENT_ID)),
        Err(_) => Err(not_a_position(LAST_EVENT_ID)),
    }
}

struct Follower {
    api: web::Data<Api>,
    selection: Selection,
    /// Everything up to here has been read.
    position: Option<LogId>,
    sending: Feed,
    expires: Instant,
}

impl Follower {
    async fn follow(mut self) -> Result<(), Gone> {
        let mut appended = self.api.store.appended();
        let mut hello = format!("retry: {RECONNECT_MS}\n");
        self.mark_position(&mut hello);
        self.sending.send(hello).await?;
        let mut quiet_since = Instant::now();
        loop {
            appended.borrow_and_update();
            if self.catch_up().await? {
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() >= self.api.stream.heartbeat {
                let mut heartbeat = ": heartbeat\n".to_owned();
                self.mark_position(&mut heartbeat);
                self.sending.send(heartbeat).await?;
                quiet_since = Instant::now();
            }
            let waiting = self.api.stream.poll.min(self.api.stream.heartbeat);
            tokio::select! {
                () = self.sending.gone() => return Err(Gone),
                () = self.api.shutdown.wait() => return self.sending.finish().await,
                () = tokio::time::sleep_until(self.expires) => return self.sending.finish().await,
                _ = appended.changed() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(waiting) => {}
            }
        }
    }

    /// Sends what came since the position. Returns whether there was anything; a store that is away is asked again later.
    async fn catch_up(&mut self) -> Result<bool, Gone> {
        let mut sent = false;
        while !self.api.shutdown.begun() && Instant::now() < self.expires {
            match self.read_on().await {
                Ok(Some(page)) => {
                    sent |= !page.is_empty();
                    self.send(&page).await?;
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "a stream waits for the store");
                    break;
                }
            }
        }
        Ok(sent)
    }

    /// The next page, and the position moved beyond it; `None` if there is nothing new. What is not selected is passed
    /// over for good, so that a rare filter does not read the same entries again and again.
    async fn read_on(&mut self) -> Result<Option<Vec<LogEntry>>, StoreError> {
        let newest = self.api.store.last().await?;
        if newest.is_none() || newest == self.position {
            return Ok(None);
        }
        let start = Start::After(self.position.clone());
        let window = Window { order: Order::Ascending, start, limit: PAGE, until: newest.clone() };
        let page = self.api.store.read(&self.selection, window).await?;
        let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        self.position = if full { page.last().map(|entry| entry.id.clone()) } else { newest };
        Ok(Some(page))
    }

    async fn send(&self, page: &[LogEntry]) -> Result<(), Gone> {
        let mut text = String::new();
        for entry in page {
            // An entry holds texts, numbers and JSON: writing it cannot fail. JSON has no line breaks in it.
            let data = serde_json::to_string(entry).unwrap_or_default();
            write_event(&mut text, &entry.id, &data);
            if text.len() >= CHUNK_BYTES {
                self.sending.send(std::mem::take(&mut text)).await?;
            }
        }
        self.sending.send(text).await
    }

    /// An event without data: it sets the position that the client comes back with, and nothing else.
    fn mark_position(&self, out: &mut String) {
        if let Some(id) = &self.position {
            out.push_str("id: ");
            out.push_str(id.as_str());
            out.push('\n');
        }
        out.push('\n');
    }
}

fn write_event(out: &mut String, id: &LogId, data: &str) {
    for part in ["event: log\nid: ", id.as_str(), "\ndata: ", data, "\n\n"] {
        out.push_str(part);
    }
}
