//! `/api/banks/{bank_id}/branches` and `/api/branches`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, Fields, FromFields, PathId, parse};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use service_kit::request_schema;
use shared_events::{BankId, BranchId, CityId};

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::branch::Branch;
use crate::domain::policy::Action;
use crate::operations::branches;
use crate::store::branches::FILTERS;

#[derive(Debug)]
pub(super) struct OpenBranchRequest(CityId);

impl FromFields for OpenBranchRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        let bank_id = parse::id::<BankId>().described("The one in the path, if it is given.").example(1);
        let bank_id = fields.optional_as_in_path("bank_id", bank_id);
        let city_id = fields.required("city_id", parse::id().described("The city of the branch.").example(1));
        bank_id?;
        city_id.map(Self)
    }
}

request_schema!(OpenBranchRequest as "BranchBody", "`{\"city_id\": 1}`");

#[derive(Debug)]
pub(super) struct MoveBranchRequest(Option<CityId>);

impl FromFields for MoveBranchRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "bank_id"]);
        fields.optional("city_id", parse::id().described("The city that the branch moves to.").example(1)).map(Self)
    }
}

request_schema!(MoveBranchRequest as "MoveBranchBody", "`{\"city_id\": 1}`, or nothing to change.");

/// List the branches of all banks
#[utoipa::path(get, path = "/api/branches", tag = "branches",
    responses((status = 200, description = "A page", body = ListBody<Branch>)))]
pub(super) async fn list_branches(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListBranches)?;
    lists::list(&state, &request, FILTERS, |db, query| branches::list_branches(db, None, query)).await
}

/// List the branches of a bank
#[utoipa::path(get, path = "/api/banks/{bank_id}/branches", tag = "branches",
    responses((status = 200, description = "A page", body = ListBody<Branch>)))]
pub(super) async fn list_branches_of_bank(
    state: web::Data<AppState>,
    actor: Actor,
    bank: PathId<BankId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListBranches)?;
    lists::list(&state, &request, FILTERS, move |db, query| branches::list_branches(db, Some(bank.0), query)).await
}

/// Read a branch
#[utoipa::path(get, path = "/api/branches/{id}", tag = "branches",
    responses((status = 200, description = "The branch", body = Branch)))]
pub(super) async fn read_branch(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<BranchId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadBranch)?;
    let branch = state.store.read(move |db| branches::find_branch(db, id.0)).await?;
    Ok(responses::item(&branch, branch.version))
}

/// Open a branch of a bank in a city
#[utoipa::path(post, path = "/api/banks/{bank_id}/branches", tag = "branches", request_body = OpenBranchRequest,
    responses((status = 201, description = "The new branch", body = ItemBody<Branch>)))]
pub(super) async fn open_branch(
    state: web::Data<AppState>,
    actor: Actor,
    bank: PathId<BankId>,
    request: HttpRequest,
    body: Body<OpenBranchRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateBranch)?;
    let (PathId(bank), Body(OpenBranchRequest(city_id))) = (bank, body);
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    let open = state.create(&ctx, key, move |db, ctx| branches::open_branch(db, ctx, bank, city_id));
    Ok(created(open.await?, "/api/branches"))
}

/// Move a branch to another city
#[utoipa::path(put, path = "/api/branches/{id}", tag = "branches", request_body = MoveBranchRequest,
    responses((status = 200, description = "The branch as it is now", body = ItemBody<Branch>)))]
pub(super) async fn move_branch(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<BranchId>,
    request: HttpRequest,
    body: Body<MoveBranchRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateBranch)?;
    let (PathId(id), Body(MoveBranchRequest(city))) = (id, body);
    let expected = responses::expected(&request)?;
    let branch = state.write(actor.user_id, move |db, _| branches::move_branch(db, id, city, &expected)).await?;
    Ok(responses::updated(&branch, branch.version))
}

/// Close a branch
#[utoipa::path(delete, path = "/api/branches/{id}", tag = "branches",
    responses((status = 200, description = "The branch as it was", body = ItemBody<Branch>)))]
pub(super) async fn close_branch(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<BranchId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeleteBranch)?;
    let (PathId(id), expected) = (id, responses::expected(&request)?);
    let branch = state.write(actor.user_id, move |db, _| branches::close_branch(db, id, &expected)).await?;
    Ok(envelope::deleted(&branch))
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/branches").route(web::get().to(list_branches)))
        .service(
            web::resource("/api/banks/{bank_id}/branches")
                .route(web::get().to(list_branches_of_bank))
                .route(web::post().to(open_branch)),
        )
        .service(
            web::resource("/api/branches/{id}")
                .route(web::get().to(read_branch))
                .route(web::put().to(move_branch))
                .route(web::delete().to(close_branch)),
        );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_branches, list_branches_of_bank, read_branch, open_branch, move_branch, close_branch))]
pub(super) struct Document;
