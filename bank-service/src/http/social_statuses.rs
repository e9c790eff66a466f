//! `/api/social-statuses`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::SocialStatusId;

use super::actor::Actor;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, named};
use crate::domain::policy::Action;
use crate::domain::social_status::SocialStatus;
use crate::operations::social_statuses;

/// List social statuses
#[utoipa::path(get, path = "/api/social-statuses", tag = "social statuses",
    responses((status = 200, description = "A page", body = ListBody<SocialStatus>)))]
async fn list_social_statuses(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListSocialStatuses)?;
    named::list::<SocialStatus>(&state, &request).await
}

/// Read a social status
#[utoipa::path(get, path = "/api/social-statuses/{id}", tag = "social statuses",
    responses((status = 200, description = "The item", body = SocialStatus)))]
async fn read_social_status(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<SocialStatusId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadSocialStatus)?;
    named::read::<SocialStatus>(&state, id.0).await
}

/// Create a social status
#[utoipa::path(post, path = "/api/social-statuses", tag = "social statuses", request_body = NameRequest,
    responses((status = 201, description = "The new item", body = ItemBody<SocialStatus>)))]
async fn create_social_status(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<NameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateSocialStatus)?;
    let made =
        named::create::<SocialStatus>(&state, &actor, &request, body, social_statuses::create_social_status).await?;
    Ok(created(made, "/api/social-statuses"))
}

/// Rename a social status
#[utoipa::path(put, path = "/api/social-statuses/{id}", tag = "social statuses", request_body = RenameRequest,
    responses((status = 200, description = "The item as it is now", body = ItemBody<SocialStatus>)))]
async fn rename_social_status(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<SocialStatusId>,
    request: HttpRequest,
    body: Body<RenameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateSocialStatus)?;
    named::rename::<SocialStatus>(&state, &actor, &request, id.0, body, social_statuses::rename_social_status).await
}

/// Delete a social status
#[utoipa::path(delete, path = "/api/social-statuses/{id}", tag = "social statuses",
    responses((status = 200, description = "The item as it was", body = ItemBody<SocialStatus>)))]
async fn remove_social_status(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<SocialStatusId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeleteSocialStatus)?;
    named::delete::<SocialStatus, _>(&state, &actor, &request, id.0, social_statuses::remove_social_status).await
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/social-statuses")
            .route(web::get().to(list_social_statuses))
            .route(web::post().to(create_social_status)),
    )
    .service(
        web::resource("/api/social-statuses/{id}")
            .route(web::get().to(read_social_status))
            .route(web::put().to(rename_social_status))
            .route(web::delete().to(remove_social_status)),
    );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_social_statuses,
    read_social_status,
    create_social_status,
    rename_social_status,
    remove_social_status
))]
pub(super) struct Document;
