//! `/api/roles`: roles, for administrators.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, Describe, Fields, FromFields, Kind, Parse, PathId, parse};
use service_kit::http::paging::{ListBody, ListQuery, respond};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::request_schema;
use shared_events::RoleId;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::{AppState, responses};
use crate::domain::policy::Action;
use crate::domain::role::{MAX_CHARS, Role, RoleName};
use crate::identity::users::roles::{create_role, delete_role, rename_role};
use crate::store::{StoreError, roles};

const PAGE_SIZE: i64 = 5;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/roles").route(web::get().to(list_roles)).route(web::post().to(add_role))).service(
        web::resource("/api/roles/{id}")
            .route(web::get().to(read_role))
            .route(web::put().to(change_role))
            .route(web::delete().to(remove_role)),
    );
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_roles, add_role, read_role, change_role, remove_role))]
pub(super) struct Document;

/// A role's name in a request.
pub(super) fn role_name() -> Kind<impl Parse<RoleName>, impl Describe> {
    let about = "A role's name: lower-case letters, digits, hyphens or underscores, beginning with a letter.";
    let text = parse::via(RoleName::parse).length(1, MAX_CHARS).pattern("^[a-z][a-z0-9_-]*$");
    text.described(about).example("auditor").named("RoleText")
}

struct RoleRequest(RoleName);

impl FromFields for RoleRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.required("name", role_name()).map(Self)
    }
}

request_schema!(RoleRequest);

struct RenameRoleRequest(Option<RoleName>);

impl FromFields for RenameRoleRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.optional("name", role_name()).map(Self)
    }
}

request_schema!(RenameRoleRequest, "`{\"name\": \"…\"}`, or nothing to change.");

/// All roles, by id.
#[utoipa::path(
    get,
    path = "/api/roles",
    tag = "roles",
    responses((status = 200, description = "A page of roles", body = ListBody<Role>))
)]
async fn list_roles(state: web::Data<AppState>, request: HttpRequest, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListRoles)?;
    let query = ListQuery::parse(request.path(), request.query_string(), PAGE_SIZE, roles::FILTERS)?;
    let requested = query.clone();
    let listing = state.store.read(move |db| roles::list(db, &requested)).await.map_err(|error: StoreError| error)?;
    respond(request.path(), &query, listing)
}

/// Adds a role. What a role other than the built-in ones may do is what any role may.
#[utoipa::path(
    post,
    path = "/api/roles",
    tag = "roles",
    request_body = RoleRequest,
    responses(
        (status = 201, description = "The new role", body = ItemBody<Role>),
        (status = 409, description = "The name is taken", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn add_role(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Body<RoleRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateRole)?;
    actor.require_fresh(state.clock.now())?;
    let Body(RoleRequest(name)) = body;
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    Ok(responses::created(state.create(&ctx, key, move |db, ctx| create_role(db, ctx, &name)).await?, "/api/roles"))
}

/// A role.
#[utoipa::path(
    get,
    path = "/api/roles/{id}",
    tag = "roles",
    responses(
        (status = 200, description = "The role", body = Role),
    )
)]
async fn read_role(state: web::Data<AppState>, actor: Actor, id: PathId<RoleId>) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadRole)?;
    let PathId(id) = id;
    let role = state.store.read(move |db| roles::find(db, id)).await.map_err(|error: StoreError| error)?;
    let role = role.ok_or_else(|| Problem::not_found("role"))?;
    Ok(responses::item(&role, role.version))
}

/// Renames a role. The built-in ones keep their names.
#[utoipa::path(
    put,
    path = "/api/roles/{id}",
    tag = "roles",
    request_body = RenameRoleRequest,
    responses(
        (status = 200, description = "The role as it is now", body = ItemBody<Role>),
        (status = 409, description = "Built in, the name is taken, or changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change_role(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<RoleId>,
    body: Body<RenameRoleRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateRole)?;
    actor.require_fresh(state.clock.now())?;
    let (PathId(id), Body(RenameRoleRequest(name))) = (id, body);
    let expected = responses::expected(&request)?;
    let renamed = state.write(actor.user_id, move |db, ctx| rename_role(db, ctx, id, name.as_ref(), &expected));
    let role = renamed.await?;
    state.identity.roles_changed();
    Ok(responses::updated(&role, role.version))
}

/// Deletes a role that nobody holds. The built-in ones stay.
#[utoipa::path(
    delete,
    path = "/api/roles/{id}",
    tag = "roles",
    responses(
        (status = 200, description = "The role as it was", body = ItemBody<Role>),
        (status = 409, description = "Built in, held by users, or changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn remove_role(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<RoleId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeleteRole)?;
    actor.require_fresh(state.clock.now())?;
    let PathId(id) = id;
    let expected = responses::expected(&request)?;
    let role = state.write(actor.user_id, move |db, ctx| delete_role(db, ctx, id, &expected)).await?;
    Ok(service_kit::http::envelope::deleted(&role))
}
