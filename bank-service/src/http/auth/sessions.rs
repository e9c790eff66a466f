//! The caller's sessions: logout, the list, ending one of them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::PathId;
use service_kit::http::paging::{ListBody, ListQuery, Listing, PageRequest, respond};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use shared_events::UserId;

use crate::domain::policy::Action;
use crate::domain::session::{Session, SessionId, SessionView};
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::identity::sessions::logout;
use crate::store::{StoreError, sessions};

const PAGE_SIZE: i64 = 5;

/// The answer to a logout.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct LoggedOutBody {
    /// The result, as a sentence.
    #[schema(example = "logged out")]
    msg: &'static str,
    /// How many sessions ended.
    sessions_ended: usize,
}

/// Ends the session of the token: its access and refresh tokens are void at once.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "identity",
    responses(
        (status = 200, description = "The session has ended", body = LoggedOutBody),
    )
)]
pub(super) async fn log_out(
    state: web::Data<AppState>,
    actor: Actor,
    client: ClientAddr,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::Logout)?;
    end_session_of(&state, actor.user_id, (actor.user_id, actor.session_id), client).await?;
    Ok(HttpResponse::Ok().json(LoggedOutBody { msg: "logged out", sessions_ended: 1 }))
}

/// Ends all sessions of the caller, this one included.
#[utoipa::path(
    post,
    path = "/auth/logout_all",
    tag = "identity",
    responses(
        (status = 200, description = "All sessions have ended", body = LoggedOutBody),
    )
)]
pub(super) async fn log_out_everywhere(
    state: web::Data<AppState>,
    actor: Actor,
    client: ClientAddr,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::LogoutAll)?;
    let (user, from) = (actor.user_id, client.0.to_string());
    let ended = state.write(user, move |db, ctx| logout::end_all_sessions(db, ctx, user, Some(from.clone())));
    let sessions_ended = ended.await?;
    state.identity.user_changed(user);
    Ok(HttpResponse::Ok().json(LoggedOutBody { msg: "logged out everywhere", sessions_ended }))
}

/// The caller's live sessions, the oldest first; `current` marks the one of the token.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    tag = "identity",
    responses((status = 200, description = "A page of sessions", body = ListBody<SessionView>))
)]
pub(super) async fn list_sessions(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListSessions)?;
    let query = ListQuery::parse(request.path(), request.query_string(), PAGE_SIZE, &[])?;
    let (user, now) = (actor.user_id, state.clock.now());
    let live = state.store.read(move |db| sessions::list_live(db, user, now)).await.map_err(|e: StoreError| e)?;
    respond(request.path(), &query, page(live, &query, actor.session_id))
}

/// Cuts a page out of the list, which is bounded by how many sessions a user may have. A cursor counts sessions.
fn page(live: Vec<Session>, query: &ListQuery, current: SessionId) -> Listing<SessionView> {
    let count = i64::try_from(live.len()).unwrap_or(i64::MAX);
    let (skip, total) = match query.page {
        PageRequest::Number { .. } => (query.page.offset(), Some(count)),
        PageRequest::After { .. } => (query.page.after_id().unwrap_or(0).max(0), None),
    };
    let end = skip.saturating_add(query.page.size());
    let as_count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let rows = live.into_iter().skip(as_count(skip)).take(as_count(query.page.size()));
    let rows = rows.map(|session| SessionView::new(session, current)).collect();
    Listing { rows, total, last: (skip < count).then_some(end.min(count).into()), more: end < count }
}

/// Ends one of the caller's sessions. A session of another user is 404.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{id}",
    tag = "identity",
    params(("id" = String, Path, format = "uuid", description = "The session's id")),
    responses(
        (status = 200, description = "The session that has ended", body = ItemBody<SessionView>),
        (status = 404, description = "The caller has no such session", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn end_session(
    state: web::Data<AppState>,
    actor: Actor,
    client: ClientAddr,
    id: PathId<SessionId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::EndSession)?;
    let session = end_session_of(&state, actor.user_id, (actor.user_id, id.0), client).await?;
    Ok(envelope::deleted(&SessionView::new(session, actor.session_id)))
}

/// Ends a session of a user, for itself or for an administrator.
pub(crate) async fn end_session_of(
    state: &AppState,
    by: UserId,
    (user, id): (UserId, SessionId),
    client: ClientAddr,
) -> Result<Session, Problem> {
    let from = client.0.to_string();
    let ended = state.write(by, move |db, ctx| logout::end_session(db, ctx, user, id, Some(from.clone())));
    let session = ended.await?;
    state.identity.forget_session(id);
    Ok(session)
}
