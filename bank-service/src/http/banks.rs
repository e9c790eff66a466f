//! `/api/banks`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::BankId;

use super::actor::Actor;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, named};
use crate::domain::bank::Bank;
use crate::domain::policy::Action;
use crate::operations::banks;

/// List banks
#[utoipa::path(get, path = "/api/banks", tag = "banks",
    responses((status = 200, description = "A page", body = ListBody<Bank>)))]
async fn list_banks(state: web::Data<AppState>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListBanks)?;
    named::list::<Bank>(&state, &request).await
}

/// Read a bank
#[utoipa::path(get, path = "/api/banks/{id}", tag = "banks",
    responses((status = 200, description = "The item", body = Bank)))]
async fn read_bank(state: web::Data<AppState>, actor: Actor, id: PathId<BankId>) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadBank)?;
    named::read::<Bank>(&state, id.0).await
}

/// Create a bank
#[utoipa::path(post, path = "/api/banks", tag = "banks", request_body = NameRequest,
    responses((status = 201, description = "The new item", body = ItemBody<Bank>)))]
async fn create_bank(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<NameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateBank)?;
    let made = named::create::<Bank>(&state, &actor, &request, body, banks::create_bank).await?;
    Ok(created(made, "/api/banks"))
}

/// Rename a bank
#[utoipa::path(put, path = "/api/banks/{id}", tag = "banks", request_body = RenameRequest,
    responses((status = 200, description = "The item as it is now", body = ItemBody<Bank>)))]
async fn rename_bank(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<BankId>,
    request: HttpRequest,
    body: Body<RenameRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateBank)?;
    named::rename::<Bank>(&state, &actor, &request, id.0, body, banks::rename_bank).await
}

/// Delete a bank
#[utoipa::path(delete, path = "/api/banks/{id}", tag = "banks",
    responses((status = 200, description = "The item as it was", body = ItemBody<Bank>)))]
async fn close_bank(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<BankId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeleteBank)?;
    named::delete::<Bank, _>(&state, &actor, &request, id.0, banks::close_bank).await
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/banks").route(web::get().to(list_banks)).route(web::post().to(create_bank)))
        .service(
            web::resource("/api/banks/{id}")
                .route(web::get().to(read_bank))
                .route(web::put().to(rename_bank))
                .route(web::delete().to(close_bank)),
        );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_banks, read_bank, create_bank, rename_bank, close_bank))]
pub(super) struct Document;
