//! `/api/cities`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::CityId;

use super::actor::Actor;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, named};
use crate::domain::city::City;
use crate::domain::policy::Action;
use crate::operations::cities;

/// List cities
#[utoipa::path(get, path = "/api/cities", tag = "cities",
    responses((status = 200, description = "A page", body = ListBody<City>)))]
async fn list_cities(state: web::Data<AppState>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListCities)?;
    named::list::<City>(&state, &request).await
}

/// Read a city
#[utoipa::path(get, path = "/api/cities/{id}", tag = "cities",
    responses((status = 200, description = "The item", body = City)))]
async fn read_city(state: web::Data<AppState>, actor: Actor, id: PathId<CityId>) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadCity)?;
    named::read::<City>(&state, id.0).await
}

/// Create a city
#[utoipa::path(post, path = "/api/cities", tag = "cities", request_body = NameRequest,
    responses((status = 201, description = "The new item", body = ItemBody<City>)))]
async fn create_city(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<NameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateCity)?;
    let made = named::create::<City>(&state, &actor, &request, body, cities::create_city).await?;
    Ok(created(made, "/api/cities"))
}

/// Rename a city
#[utoipa::path(put, path = "/api/cities/{id}", tag = "cities", request_body = RenameRequest,
    responses((status = 200, description = "The item as it is now", body = ItemBody<City>)))]
async fn rename_city(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CityId>,
    request: HttpRequest,
    body: Body<RenameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateCity)?;
    named::rename::<City>(&state, &actor, &request, id.0, body, cities::rename_city).await
}

/// Delete a city
#[utoipa::path(delete, path = "/api/cities/{id}", tag = "cities",
    responses((status = 200, description = "The item as it was", body = ItemBody<City>)))]
async fn remove_city(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CityId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeleteCity)?;
    named::delete::<City, _>(&state, &actor, &request, id.0, cities::remove_city).await
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/cities").route(web::get().to(list_cities)).route(web::post().to(create_city)))
        .service(
            web::resource("/api/cities/{id}")
                .route(web::get().to(read_city))
                .route(web::put().to(rename_city))
                .route(web::delete().to(remove_city)),
        );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_cities, read_city, create_city, rename_city, remove_city))]
pub(super) struct Document;
