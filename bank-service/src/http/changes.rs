//! `GET /api/events/stream`: live changes, for the callers who may see them.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::http::paging::refuse_unknown;
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::head_only;
use service_kit::http::stream;
use service_kit::lifecycle::Shutdown;
use tokio::time::Instant;

use super::AppState;
use super::problem_map::fault;
use super::stream_ticket::Listener;
use crate::changes::{Channel, StreamParts, follow};

const MAX_POSITION_CHARS: usize = 18;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/events/stream").route(web::get().to(stream_changes)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(stream_changes))]
pub(super) struct Document;

#[derive(Deserialize)]
struct Query {
    channels: Option<String>,
    last_event_id: Option<String>,
}

/// Changes as server-sent events: `create`, `update` and `delete`, of one's own items, and for staff of all. `data` is
/// `{"channel","event_id","date","item"}`; `id` is where a client that comes back goes on. After too long it gets
/// `reset` instead: it reads the lists again. A transfer is sent to the owner of each side with its own half, and
/// comes with updates of `balance`, `held`, `available` and `seq` of its accounts and cards: the highest `seq` is the newest.
#[utoipa::path(
    get,
    path = "/api/events/stream",
    tag = "changes",
    params(
        ("channels" = Option<String>, Query, pattern = "^(account|card|transfer|client|bank|branch|city|social_status|user|login_method|second_factor|recovery_code)(,(account|card|transfer|client|bank|branch|city|social_status|user|login_method|second_factor|recovery_code)){0,11}$", description = "Separated by commas; all unless given", example = "account,card"),
        ("Last-Event-ID" = Option<String>, Header, pattern = "^(0|[1-9][0-9]{0,17})?$", description = "The last id that was received"),
        ("ticket" = Option<String>, Query, pattern = "^[A-Za-z0-9_-]{43}$", description = "A ticket of `POST /api/events/stream/ticket`, instead of a token"),
        ("last_event_id" = Option<String>, Query, pattern = "^(0|[1-9][0-9]{0,17})?$", description = "As `Last-Event-ID`, where that header is missing"),
    ),
    responses(
        (status = 200, description = "The changes, until the client goes or its session ends", content_type = "text/event-stream", body = String),
        (status = 400, description = "`Last-Event-ID` is none of ours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many streams of one user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "An unknown channel or query parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn stream_changes(
    state: web::Data<AppState>,
    shutdown: web::Data<Shutdown>,
    request: HttpRequest,
    listener: Listener,
) -> Result<HttpResponse, Problem> {
    // The caller's extractor reads the ticket.
    refuse_unknown(request.query_string(), &["channels", "last_event_id", "ticket"])?;
    let query = web::Query::<Query>::from_query(request.query_string());
    let query = query.map_err(|_| Problem::malformed("The query cannot be read."))?.into_inner();
    let channels = channels(query.channels.as_deref())?;
    let resume = resume_from(&request, query.last_event_id.as_deref())?;
    if head_only() {
        return Ok(stream::head().finish());
    }
    let slot = state.changes.stream_slot(listener.user_id)?;
    let subscription = state.changes.subscribe(slot).await?;
    let seconds_left = u64::try_from((listener.expires_on - state.clock.now()).num_seconds()).unwrap_or_default();
    let body = follow(StreamParts {
        subscription,
        channels,
        resume,
        identity: state.identity.clone(),
        session: listener.session_id,
        expires: Instant::now() + Duration::from_secs(seconds_left),
        shutdown: shutdown.get_ref().clone(),
    });
    Ok(stream::head().streaming(body))
}

fn channels(list: Option<&str>) -> Result<BTreeSet<Channel>, Problem> {
    let Some(list) = list else { return Ok(Channel::ALL.into_iter().collect()) };
    let named = list.split(',').map(str::trim).take(Channel::ALL.len() + 1).map(Channel::parse);
    named.collect::<Option<BTreeSet<Channel>>>().ok_or_else(|| {
        let known = Channel::ALL.map(Channel::as_str).join(", ");
        fault("channels", &format!("must be some of {known}, separated by commas"))
    })
}

/// The position that a returning client names, if it names one.
fn resume_from(request: &HttpRequest, parameter: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(text) = stream::last_event_id(request, parameter)? else { return Ok(None) };
    let digits = text.len() <= MAX_POSITION_CHARS && text.bytes().all(|b| b.is_ascii_digit());
    let position = text.parse().ok().filter(|_| digits);
    position.map(Some).ok_or_else(stream::not_an_event_id)
}
