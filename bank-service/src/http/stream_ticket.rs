//! Tickets for the stream of changes (see `service_kit::http::stream`), and the caller that opens it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use service_kit::http::auth::Bearer;
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::stream::{
    StreamTicket, TICKET_LIFETIME, TicketBody, TicketHash, Tickets, from_request, give, redeem,
};
use shared_events::UserId;

use super::AppState;
use super::actor::Actor;
use crate::domain::policy::{Action, decide};
use crate::domain::session::SessionId;
use crate::store::stream_tickets::{self, Ticket};
use crate::store::{Ctx, Outcome, StoreError};

const STREAM: &str = "changes";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/events/stream/ticket").route(web::post().to(create_stream_ticket)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(create_stream_ticket))]
pub(super) struct Document;

/// A ticket with which the stream can be opened once, for clients that cannot send a token with that request, such as a
/// browser's `EventSource`. At most ten wait at the same time.
#[utoipa::path(
    post,
    path = "/api/events/stream/ticket",
    tag = "changes",
    responses(
        (status = 200, description = "The ticket", body = TicketBody),
        (status = 429, description = "The caller has ten unused tickets: `too_many_requests`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn create_stream_ticket(
    state: web::Data<AppState>,
    actor: Actor,
    bearer: Bearer,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::StreamChanges)?;
    let token_expires_on = expiry(bearer.0.exp)?;
    let ticket = Ticket { user_id: actor.user_id, session_id: actor.session_id, token_expires_on };
    let tickets = Stored { state: &state, ctx: state.ctx(actor.user_id) };
    give(&tickets, STREAM, StreamTicket::generate(), ticket).await
}

fn expiry(seconds: i64) -> Result<DateTime<Utc>, Problem> {
    let invalid = || Problem::new(ErrorCode::InvalidToken, "The token is not valid; log in again.");
    DateTime::from_timestamp(seconds, 0).ok_or_else(invalid)
}

/// The tickets of the database.
struct Stored<'a> {
    state: &'a AppState,
    ctx: Ctx,
}

impl Tickets for Stored<'_> {
    type New = Ticket;
    type Grant = Ticket;

    async fn put(&self, hash: TicketHash, ticket: Ticket) -> Result<bool, Problem> {
        let insert = move |db: &mut _, ctx: &Ctx| {
            let expires_on = ctx.now + TICKET_LIFETIME;
            Ok(Outcome::new(stream_tickets::insert(db, ctx, STREAM, &hash, &ticket, expires_on)?))
        };
        let written = self.state.store.write(&self.ctx, insert).await;
        Ok(written.map_err(|error: StoreError| error)?)
    }

    async fn find(&self, hash: TicketHash) -> Result<Option<Ticket>, Problem> {
        let ctx = self.ctx.clone();
        let found = self.state.store.read(move |db| stream_tickets::find(db, &ctx, STREAM, &hash)).await;
        Ok(found.map_err(|error: StoreError| error)?)
    }

    async fn take(&self, hash: TicketHash) -> Result<Option<Ticket>, Problem> {
        let take = move |db: &mut _, ctx: &Ctx| Ok(Outcome::new(stream_tickets::take(db, ctx, STREAM, &hash)?));
        let taken = self.state.store.write(&self.ctx, take).await;
        Ok(taken.map_err(|error: StoreError| error)?)
    }
}

/// The caller that opens a stream: by a token, or by a ticket that was issued for a token.
pub(super) struct Listener {
    pub(super) user_id: UserId,
    pub(super) session_id: SessionId,
    /// When the token ends.
    pub(super) expires_on: DateTime<Utc>,
}

impl FromRequest for Listener {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>().cloned();
        let by_token = (Actor::from_request(request, payload), Bearer::from_request(request, payload));
        let ticket = from_request(request);
        Box::pin(async move {
            if let (Some(ticket), Some(state)) = (ticket, state) {
                return by_ticket(&state, &ticket?).await;
            }
            let (actor, bearer) = (by_token.0.await?, by_token.1.await?);
            actor.may(Action::StreamChanges)?;
            let expires_on = expiry(bearer.0.exp)?;
            Ok(Self { user_id: actor.user_id, session_id: actor.session_id, expires_on })
        })
    }
}

/// The session has to count now, whatever it was when it asked.
async fn by_ticket(state: &AppState, ticket: &StreamTicket) -> Result<Listener, Problem> {
    let tickets = Stored { state, ctx: state.ctx_anonymous() };
    let ticket = redeem(&tickets, STREAM, ticket).await?;
    let authority = state.identity.sessions().authority(ticket.session_id).await?;
    if authority.session.user_id != ticket.user_id {
        return Err(Problem::new(
            ErrorCode::InvalidToken,
            "The ticket is not of this session's user; ask for a new one.",
        ));
    }
    if ticket.token_expires_on <= state.clock.now() {
        return Err(Problem::new(ErrorCode::TokenExpired, "The token that asked for the ticket has expired."));
    }
    decide(Action::StreamChanges, ticket.user_id, &authority.roles).ok_or_else(Problem::access_denied)?;
    Ok(Listener { user_id: ticket.user_id, session_id: ticket.session_id, expires_on: ticket.token_expires_on })
}
