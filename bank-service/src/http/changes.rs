//! `GET /api/events/stream`: what changes, as it changes, for whoever may see it.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::http::auth::Bearer;
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::lifecycle::Shutdown;
use tokio::time::Instant;

use super::AppState;
use super::actor::Actor;
use super::problem_map::fault;
use crate::changes::{Channel, MAX_PER_USER, NoSeat, StreamParts, follow};
use crate::domain::policy::Action;

const LAST_EVENT_ID: &str = "Last-Event-ID";
const BUSY_RETRY: Duration = Duration::from_secs(5);
const MAX_POSITION_CHARS: usize = 18;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/events/stream").route(web::get().to(stream)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(stream))]
pub(super) struct Document;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    channels: Option<String>,
}

/// Changes as server-sent events: `create`, `update` and `delete`, of one's own items, and for staff of all. `data` is
/// `{"channel","event_id","date","item"}`; `id` is where a client that comes back goes on.
#[utoipa::path(
    get,
    path = "/api/events/stream",
    tag = "changes",
    params(
        ("channels" = Option<String>, Query, pattern = "^(account|card|client|bank|branch|city|social_status|user)(,(account|card|client|bank|branch|city|social_status|user)){0,7}$", description = "Of `account`, `card`, `client`, `bank`, `branch`, `city`, `social_status`, `user`, separated by commas; all unless given", example = "account,card"),
        ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{0,18}$", description = "The last id that was received"),
    ),
    responses(
        (status = 200, description = "The changes, until the client goes or its session ends", content_type = "text/event-stream", body = String),
        (status = 400, description = "`Last-Event-ID` is none of ours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many streams of one user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "An unknown channel", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn stream(
    state: web::Data<AppState>,
    shutdown: web::Data<Shutdown>,
    request: HttpRequest,
    actor: Actor,
    bearer: Bearer,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::StreamChanges)?;
    let channels = channels(&request)?;
    let resume = resume_from(&request)?;
    let seat = state.changes.seat(actor.user_id).map_err(|no_seat| match no_seat {
        NoSeat::OwnTooMany => Problem::new(
            ErrorCode::TooManyRequests,
            format!("You have {MAX_PER_USER} streams open; close one, and ask again after some seconds."),
        )
        .with_retry_after(BUSY_RETRY),
        NoSeat::Full => Problem::overloaded(BUSY_RETRY),
    })?;
    let subscription = state.changes.subscribe(seat).await?;
    let seconds_left = u64::try_from(bearer.0.exp - state.clock.now().timestamp()).unwrap_or_default();
    let body = follow(StreamParts {
        subscription,
        channels,
        resume,
        security: state.security.clone(),
        session: actor.session_id,
        expires: Instant::now() + Duration::from_secs(seconds_left),
        shutdown: shutdown.get_ref().clone(),
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

fn channels(request: &HttpRequest) -> Result<BTreeSet<Channel>, Problem> {
    let query = web::Query::<Query>::from_query(request.query_string());
    let query = query.map_err(|_| fault("query", "takes channels only"))?.into_inner();
    let Some(list) = query.channels else { return Ok(Channel::ALL.into_iter().collect()) };
    let named = list.split(',').map(str::trim).take(Channel::ALL.len() + 1).map(Channel::parse);
    named.collect::<Option<BTreeSet<Channel>>>().ok_or_else(|| {
        let known = Channel::ALL.map(Channel::as_str).join(", ");
        fault("channels", &format!("must be some of {known}, separated by commas"))
    })
}

/// The position that a returning client names; an empty one is none.
fn resume_from(request: &HttpRequest) -> Result<Option<i64>, Problem> {
    let Some(value) = request.headers().get(LAST_EVENT_ID) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.len() <= MAX_POSITION_CHARS && text.bytes().all(|b| b.is_ascii_digit());
    let position = text.parse().ok().filter(|_| digits);
    position.map(Some).ok_or_else(|| Problem::malformed("Last-Event-ID must be an id of this stream."))
}
