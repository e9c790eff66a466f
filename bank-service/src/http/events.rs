//! `/api/events/{id}`: an event and its journey, for staff. Parameters of requested mails and messages are never shown.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use service_kit::http::fields::PathId;
use service_kit::http::problem::{Problem, ProblemBody};
use shared_events::{EventId, WireMessage, date};
use utoipa::ToSchema;

use super::AppState;
use super::actor::Actor;
use crate::domain::policy::Action;
use crate::domain::redaction;
use crate::store::StoreError;
use crate::trace::{self, Journey};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/events/{id}").route(web::get().to(read_event)))
        .service(web::resource("/api/events/{id}/journey").route(web::get().to(read_journey)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(read_event, read_journey))]
pub(super) struct Document;

/// An event as it was committed.
#[derive(Serialize, ToSchema)]
struct EventView {
    /// The event's identity.
    #[schema(format = Uuid)]
    id: String,
    /// `<entity>.<past verb>`.
    #[schema(example = "card.created")]
    event_type: String,
    /// Who published it, as a URN.
    source: String,
    /// Who caused it; null where nobody was logged in.
    user_id: Option<i64>,
    /// When it happened, in whole seconds.
    #[schema(format = DateTime, example = "2025-01-16T17:10:26Z")]
    date: String,
    /// What happened, in a sentence.
    message: String,
    /// The event's facts, without secrets.
    data: Value,
    /// The request that caused it.
    correlation_id: Option<String>,
    /// The queue that a confirmation is wanted on.
    reply_to: Option<String>,
    /// When its change was committed.
    #[schema(format = DateTime)]
    committed_at: String,
    /// When the transport took it; null while it waits.
    #[schema(format = DateTime)]
    published_at: Option<String>,
}

/// An event of the last days (`OUTBOX_RETENTION_DAYS`).
#[utoipa::path(
    get,
    path = "/api/events/{id}",
    tag = "events",
    params(("id" = String, Path, format = Uuid, description = "The event's identity")),
    responses(
        (status = 200, description = "The event", body = EventView),
        (status = 404, description = "Unknown, or too long ago", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn read_event(state: web::Data<AppState>, actor: Actor, id: PathId<EventId>) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadEvent)?;
    let row = state.tracer().committed(id.0).await?.ok_or_else(|| Problem::not_found("event"))?;
    let corrupt = || StoreError::Corrupt { what: "an event's message" };
    let message: WireMessage = serde_json::from_str(&row.message).map_err(|_| corrupt())?;
    let envelope = message.decode().map_err(|_| corrupt())?;
    Ok(HttpResponse::Ok().json(EventView {
        data: redaction::data_of(&row.event_type, &envelope.body.data),
        id: row.event_id,
        event_type: row.event_type,
        source: envelope.source,
        user_id: envelope.body.user_id.map(i64::from),
        date: date::zoned::format(&envelope.body.date),
        message: envelope.body.message,
        correlation_id: envelope.correlation_id,
        reply_to: envelope.reply_to,
        committed_at: trace::at(row.created_at),
        published_at: row.sent_at.map(trace::at),
    }))
}

/// Where an event has been: committed, published, delivered, mailed, confirmed, logged, or a dead letter. What cannot be asked
/// within a few seconds is `unknown`.
#[utoipa::path(
    get,
    path = "/api/events/{id}/journey",
    tag = "events",
    params(("id" = String, Path, format = Uuid, description = "The event's identity")),
    responses(
        (status = 200, description = "The journey so far", body = Journey),
        (status = 404, description = "Unknown, or too long ago", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn read_journey(state: web::Data<AppState>, actor: Actor, id: PathId<EventId>) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadEvent)?;
    let journey = state.tracer().follow(id.0).await?.ok_or_else(|| Problem::not_found("event"))?;
    Ok(HttpResponse::Ok().json(journey))
}
