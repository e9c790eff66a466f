//! `/api/events/{id}`: an event and its journey, for staff. Parameters of requested mails and messages are never shown.

use actix_web::{HttpResponse, web};
use service_kit::http::fields::PathId;
use service_kit::http::problem::{Problem, ProblemBody};
use shared_events::EventId;

use super::AppState;
use super::actor::Actor;
use crate::domain::policy::Action;
use crate::trace::{EventView, Journey};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/events/{id}").route(web::get().to(read_event)))
        .service(web::resource("/api/events/{id}/journey").route(web::get().to(read_journey)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(read_event, read_journey))]
pub(super) struct Document;

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
    Ok(HttpResponse::Ok().json(EventView::new(row)?))
}

/// The journey of an event: committed, published, delivered, mailed, confirmed, logged, or a dead letter. What cannot be asked
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
