//! `/api/clients`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, Fields, FromFields, PathId, parse};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use service_kit::request_schema;
use shared_events::{ClientId, SocialStatusId, UserId};

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::request_bodies::name;
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::client::Client;
use crate::domain::name::Name;
use crate::domain::policy::Action;
use crate::operations::clients::{self, CreateClient, UpdateClient};
use crate::store::clients::FILTERS;

#[derive(Debug)]
pub(super) struct CreateClientRequest {
    name: Name,
    social_status_id: Option<SocialStatusId>,
    user_id: Option<UserId>,
}

impl FromFields for CreateClientRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        let name = fields.required("name", name());
        let status = parse::id().described("The client's social status; none if it is missing or null.").example(1);
        let social_status_id = fields.nullable("social_status_id", status);
        let about =
            "Whose client it is: the caller's, if it is not given. Only an administrator may name somebody else.";
        let user_id = fields.optional("user_id", parse::id().described(about).example(2));
        Some(Self { name: name?, social_status_id: social_status_id?.flatten(), user_id: user_id? })
    }
}

request_schema!(CreateClientRequest as "CreateClientBody", "A client to be created.");

impl FromFields for UpdateClient {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "user_id"]);
        let name = fields.optional("name", name());
        let status = parse::id().described("The client's social status; null takes it away.").example(1);
        let social_status_id = fields.nullable("social_status_id", status);
        Some(Self { name: name?, social_status_id: social_status_id? })
    }
}

request_schema!(UpdateClient as "UpdateClientBody", "What is to change.");

/// List all clients
#[utoipa::path(get, path = "/api/clients", tag = "clients",
    responses((status = 200, description = "A page", body = ListBody<Client>)))]
pub(super) async fn list_clients(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListClients)?;
    lists::list(&state, &request, FILTERS, clients::list_clients).await
}

/// Read a client
#[utoipa::path(get, path = "/api/clients/{id}", tag = "clients",
    responses((status = 200, description = "The client", body = Client)))]
pub(super) async fn read_client(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<ClientId>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadClient)?;
    let client = state.store.read(move |db| clients::find_client(db, scope, id.0)).await?;
    Ok(responses::item(&client, client.version))
}

/// Make a user a client; one per user
#[utoipa::path(post, path = "/api/clients", tag = "clients", request_body = CreateClientRequest,
    responses((status = 201, description = "The new client", body = ItemBody<Client>)))]
pub(super) async fn create_client(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<CreateClientRequest>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CreateClient)?;
    let Body(CreateClientRequest { name, social_status_id, user_id }) = body;
    let command = CreateClient { name, social_status_id, user_id: user_id.unwrap_or(actor.user_id) };
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    let create = state.create(&ctx, key, move |db, ctx| clients::create_client(db, ctx, scope, &command));
    Ok(created(create.await?, "/api/clients"))
}

/// Change a client's name or social status
#[utoipa::path(put, path = "/api/clients/{id}", tag = "clients", request_body = UpdateClient,
    responses((status = 200, description = "The client as it is now", body = ItemBody<Client>)))]
pub(super) async fn update_client(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<ClientId>,
    request: HttpRequest,
    body: Body<UpdateClient>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::UpdateClient)?;
    let (PathId(id), Body(command)) = (id, body);
    let expected = responses::expected(&request)?;
    let update = move |db: &mut _, ctx: &_| clients::update_client(db, ctx, scope, id, &command, &expected);
    let client = state.write(actor.user_id, update).await?;
    Ok(responses::updated(&client, client.version))
}

/// Delete a client with its accounts and their cards
#[utoipa::path(delete, path = "/api/clients/{id}", tag = "clients",
    responses((status = 200, description = "The client as it was", body = ItemBody<Client>)))]
pub(super) async fn delete_client(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<ClientId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::DeleteClient)?;
    let (PathId(id), expected) = (id, responses::expected(&request)?);
    let client =
        state.write(actor.user_id, move |db, ctx| clients::delete_client(db, ctx, scope, id, &expected)).await?;
    Ok(envelope::deleted(&client))
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/clients").route(web::get().to(list_clients)).route(web::post().to(create_client)))
        .service(
            web::resource("/api/clients/{id}")
                .route(web::get().to(read_client))
                .route(web::put().to(update_client))
                .route(web::delete().to(delete_client)),
        );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_clients, read_client, create_client, update_client, delete_client))]
pub(super) struct Document;
