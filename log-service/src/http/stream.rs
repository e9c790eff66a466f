//! `GET /api/logs/stream`: entries as server-sent events, as they are recorded.
//!
//! Every event is read from the store by its position, so none is missed or doubled by a spurious wakeup: a client that
//! reconnects with `Last-Event-ID` resumes exactly there. Without it a stream starts at the present, and its first line has
//! the position, so even a client that has seen no event yet can resume.
//! Ends when the service stops, the token or its session ends, its user is blocked or sees other entries (checked every 2 s),
//! the client disconnects, or the client reads too slowly; each time it can resume.
//! Limits: a few chunks of buffer per client, and a number of clients (see [`super::Api`]).

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::problem::Problem;
use service_kit::http::server::head_only;
use service_kit::http::stream::{CHUNK_BYTES, Feed, Gone, feed, head, last_event_id, not_an_event_id};
use service_kit::task;
use tokio::time::Instant;

use super::Api;
use super::params::Params;
use super::problems::of_store;
use super::stream_ticket::Listener;
use crate::domain::{LogEntry, LogId, Order, Selection};
use crate::store::{Start, StoreError, Window};

const LAST_EVENT_ID_PARAMETER: &str = "last_event_id";
const TICKET_PARAMETER: &str = "ticket";
const PAGE: i64 = 100;
/// Between two reads: entries that come in a burst are read together.
const COALESCE: Duration = Duration::from_millis(20);
/// The time that a client waits before it connects again.
const RECONNECT_MS: u32 = 2_000;

/// The times of a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamSettings {
    /// Silence is broken by a comment after so long.
    pub heartbeat: Duration,
    /// The store is read this often even without a notice of new entries: another process may write to it.
    pub poll: Duration,
    /// A client that takes nothing for so long is dropped.
    pub send_limit: Duration,
    /// Whether the caller of a stream or an export still may read is asked this often.
    pub recheck: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            poll: Duration::from_secs(1),
            send_limit: Duration::from_secs(10),
            recheck: Duration::from_secs(2),
        }
    }
}

#[utoipa::path(
    get, path = "/api/logs/stream", tag = "logs", operation_id = "stream_logs", summary = "Follow new entries",
    params(
        super::models::FilterParams, super::models::LastEventIdParam, super::models::LastEventIdQuery,
        super::models::TicketQuery,
    ),
    responses(
        (status = 200, description = "Server-sent events of type `log`; `id` is the entry's id, `data` the entry",
            content_type = "text/event-stream", body = String),
        super::responses::ReadProblems, super::responses::FilterProblem, super::responses::BusyProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn stream(
    api: web::Data<Api>,
    listener: Listener,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut params = Params::read(request.query_string())?;
    let (filter, position) = (params.filter(), params.take(LAST_EVENT_ID_PARAMETER, |text| Ok(text.to_owned())));
    // Read with the caller.
    params.take(TICKET_PARAMETER, |_| Ok(()));
    params.finish()?;
    let Listener(reader) = listener;
    let selection = Selection { visibility: reader.visibility, filter };
    let resume = resume_from(&request, position.as_deref())?;
    if matches!(&resume, Resume::After(id) if !api.store.is_position(id)) {
        return Err(not_an_event_id());
    }
    if head_only() {
        return Ok(head().finish());
    }
    let slot = api.streams.take(reader.caller().to_owned())?;
    let position = match resume {
        Resume::After(id) => Some(id),
        Resume::Start => None,
        Resume::Now => api.store.last().await.map_err(of_store)?,
    };
    let (sending, body) = feed(api.stream.send_limit);
    drop(task::spawn("log_stream", async move {
        let _slot = slot;
        let (recheck, end) = (api.stream.recheck, sending.clone());
        let follower = Follower { api, selection, position, sending };
        let ended = tokio::select! {
            outcome = follower.follow() => outcome,
            () = reader.until_refused(recheck) => end.finish().await,
        };
        if ended.is_err() {
            tracing::debug!("a stream's client has gone or was too slow");
        }
    }));
    Ok(head().streaming(body))
}

/// The place where a stream begins.
enum Resume {
    Now,
    /// Id 0: before everything.
    Start,
    After(LogId),
}

/// The position that a returning client names, if it names one.
fn resume_from(request: &HttpRequest, parameter: Option<&str>) -> Result<Resume, Problem> {
    match last_event_id(request, parameter)? {
        None => Ok(Resume::Now),
        Some("0") => Ok(Resume::Start),
        Some(text) => text.parse().map(Resume::After).map_err(|_| not_an_event_id()),
    }
}

struct Follower {
    api: web::Data<Api>,
    selection: Selection,
    /// Everything up to here has been read.
    position: Option<LogId>,
    sending: Feed,
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
                _ = appended.changed() => tokio::time::sleep(COALESCE).await,
                () = tokio::time::sleep(waiting) => {}
            }
        }
    }

    /// Sends what came since the position. Returns whether there was anything; a store that is unavailable is read again later.
    async fn catch_up(&mut self) -> Result<bool, Gone> {
        let mut sent = false;
        while !self.api.shutdown.begun() {
            if self.sending.is_gone() {
                return Err(Gone);
            }
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
