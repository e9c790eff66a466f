//! `/api/users`: users, for administrators; and every user's own record.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, Fields, FromFields, PathId, parse};
use service_kit::http::paging::{ListBody, ListQuery, respond};
use service_kit::http::problem::{FieldErrors, Problem, ProblemBody};
use service_kit::request_schema;
use shared_events::UserId;

use super::actor::Actor;
use super::auth::{SET_BY_SERVER, email, new_password, role_names, with_password_strength};
use super::idempotency::idempotency_key;
use super::stored_faults::{given, with_faults};
use super::{AppState, responses};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::policy::{Action, Scope};
use crate::domain::user::{Profile, User, UserView};
use crate::domain::version::Expected;
use crate::identity::users::change::{UpdateUser, delete_user, update_user};
use crate::identity::users::register::{RegisterUser, register};
use crate::store::{StoreError, roles, users};

const PAGE_SIZE: i64 = 5;
/// The fields of a user that only the user sets.
const SET_BY_OWNER: &[&str] = &["first_name", "last_name", "username", "language", "country"];

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/users").route(web::get().to(list_users)).route(web::post().to(create_user)))
        .service(
            web::resource("/api/users/{id}")
                .route(web::get().to(read_user))
                .route(web::put().to(change_user))
                .route(web::delete().to(remove_user)),
        );
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_users, create_user, read_user, change_user, remove_user))]
pub(super) struct Document;

/// All users, by id.
#[utoipa::path(
    get,
    path = "/api/users",
    tag = "users",
    responses((status = 200, description = "A page of users", body = ListBody<UserView>))
)]
async fn list_users(state: web::Data<AppState>, request: HttpRequest, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListUsers)?;
    let query = ListQuery::parse(request.path(), request.query_string(), PAGE_SIZE, users::FILTERS)?;
    let requested = query.clone();
    let found = state.store.read(move |db| users::list(db, &requested)).await.map_err(|error: StoreError| error)?;
    let listing = found.try_map(|user| Ok::<_, Problem>(UserView::from(&user)))?;
    respond(request.path(), &query, listing)
}

// It has no `Debug`: it holds a password.
struct CreateUserRequest {
    email: Email,
    password: Password,
    roles: Option<Vec<String>>,
}

impl FromFields for CreateUserRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(SET_BY_SERVER);
        fields.read_only(SET_BY_OWNER);
        fields.read_only(&["is_blocked"]);
        let email = fields.required("email", email());
        let password = fields.required("password", new_password());
        let roles = role_names().described("The user's roles; the default role if they are missing.").example(["user"]);
        let roles = fields.optional("roles", roles);
        Some(Self { email: email?, password: password?, roles: roles? })
    }
}

request_schema!(CreateUserRequest);

/// Creates a user with the given roles.
#[utoipa::path(
    post,
    path = "/api/users",
    tag = "users",
    request_body = CreateUserRequest,
    responses(
        (status = 201, description = "The new user", body = ItemBody<UserView>),
        (status = 409, description = "The address is taken", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn create_user(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Result<Body<CreateUserRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::CreateUser)?;
    actor.require_fresh(state.clock.now())?;
    let body = with_faults(body, unknown_roles(&state, &request).await?);
    let CreateUserRequest { email, password, roles } =
        with_password_strength(body, &state, &request, "password").await?;
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let password_hash = state.identity.passwords().hash(password, email.words()).await?;
    let roles = roles.unwrap_or_else(|| vec![state.settings.config.default_role.clone()]);
    let command = RegisterUser { email, password_hash: Some(password_hash), profile: Profile::default(), roles };
    let ctx = state.ctx(actor.user_id);
    let registered = state.create(&ctx, key, move |db, ctx| {
        register(db, ctx, &command).map(|outcome| outcome.map(|user| UserView::from(&user)))
    });
    Ok(responses::created(registered.await?, "/api/users"))
}

/// A user: any for administrators, oneself for everybody.
#[utoipa::path(
    get,
    path = "/api/users/{id}",
    tag = "users",
    responses(
        (status = 200, description = "The user", body = UserView),
    )
)]
async fn read_user(state: web::Data<AppState>, actor: Actor, id: PathId<UserId>) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadUser)?;
    let PathId(id) = id;
    if !scope.covers(id) {
        return Err(Problem::access_denied());
    }
    let user = state.store.read(move |db| users::find(db, id)).await.map_err(|error: StoreError| error)?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    Ok(responses::item_with_content(&UserView::from(&user), user.version))
}

struct UpdateUserRequest {
    roles: Option<Vec<String>>,
    is_blocked: Option<bool>,
    email: Option<Email>,
}

impl FromFields for UpdateUserRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(SET_BY_SERVER);
        fields.read_only(SET_BY_OWNER);
        fields.read_only(&["password"]);
        let roles = role_names().described("All roles that the user has from now on.").example(["user", "manager"]);
        let roles = fields.optional("roles", roles);
        let about = "Whether the user can log in no longer; true ends all its sessions.";
        let is_blocked = fields.optional("is_blocked", parse::boolean().described(about));
        let email = fields.optional("email", email().described("Another address; its owner has to prove it."));
        Some(Self { roles: roles?, is_blocked: is_blocked?, email: email? })
    }
}

request_schema!(UpdateUserRequest, "The fields to change.");

impl UpdateUserRequest {
    fn into_command(self, expected: Expected) -> UpdateUser {
        let Self { roles, is_blocked, email } = self;
        UpdateUser { roles, is_blocked, email, expected }
    }
}

/// Changes a user's roles, block or address; needs a fresh token. Roles and block count at the next request; a block ends all its sessions. The last administrator
/// stays one.
#[utoipa::path(
    put,
    path = "/api/users/{id}",
    tag = "users",
    request_body = UpdateUserRequest,
    responses(
        (status = 200, description = "The user as it is now", body = ItemBody<UserView>),
        (status = 409, description = "The last administrator, the address is taken, or changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change_user(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<UserId>,
    body: Result<Body<UpdateUserRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    let PathId(id) = id;
    require_all(actor.may(Action::UpdateUser)?)?;
    actor.require_fresh(state.clock.now())?;
    let Body(wanted) = with_faults(body, unknown_roles(&state, &request).await?)?;
    let command = wanted.into_command(responses::expected_with_content(&request)?);
    let user = update_user_as(&state, actor.user_id, id, command).await?;
    Ok(responses::updated_with_content(&UserView::from(&user), user.version))
}

/// The change that these fields of `PUT /api/users/{id}` ask for.
pub(crate) fn change_of_user(given: Map<String, Value>, expected: Expected) -> Result<UpdateUser, Problem> {
    Ok(Fields::read_object::<UpdateUserRequest>(given)?.into_command(expected))
}

/// Changes a user, for an administrator.
pub(crate) async fn update_user_as(
    state: &AppState,
    by: UserId,
    id: UserId,
    command: UpdateUser,
) -> Result<User, Problem> {
    let user = state.write(by, move |db, ctx| update_user(db, ctx, id, &command)).await?;
    state.identity.user_changed(id);
    Ok(user)
}

/// Deletes a user with its client, accounts, cards and sessions. The last administrator stays.
#[utoipa::path(
    delete,
    path = "/api/users/{id}",
    tag = "users",
    responses(
        (status = 200, description = "The user as it was", body = ItemBody<UserView>),
        (status = 409, description = "The last administrator, or changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn remove_user(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<UserId>,
) -> Result<HttpResponse, Problem> {
    let PathId(id) = id;
    require_all(actor.may(Action::DeleteUser)?)?;
    actor.require_fresh(state.clock.now())?;
    let expected: Expected = responses::expected_with_content(&request)?;
    let deleted = state.write(actor.user_id, move |db, ctx| delete_user(db, ctx, id, &expected));
    let user: User = deleted.await?;
    state.identity.user_changed(id);
    Ok(service_kit::http::envelope::deleted(&UserView::from(&user)))
}

/// Refuses owners: the route needs the scope over all users.
fn require_all(scope: Scope) -> Result<(), Problem> {
    match scope {
        Scope::All => Ok(()),
        Scope::Own(_) => Err(Problem::access_denied()),
    }
}

/// Every name in `roles` that is no role's.
async fn unknown_roles(state: &AppState, request: &HttpRequest) -> Result<FieldErrors, Problem> {
    let names: Option<Vec<String>> = given(request).get("roles").and_then(|names| role_names().read(names).ok());
    let Some(names) = names else { return Ok(FieldErrors::new()) };
    let unknown = state.store.read(move |db| {
        let mut unknown = Vec::new();
        for name in names {
            if roles::find_by_name(db, &name)?.is_none() {
                unknown.push(format!("there is no role {name}"));
            }
        }
        Ok::<_, StoreError>(unknown)
    });
    let unknown = unknown.await?;
    Ok(if unknown.is_empty() { FieldErrors::new() } else { FieldErrors::from([("roles".to_owned(), unknown)]) })
}
