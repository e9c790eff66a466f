//! Users: a search, and one user with its roles, block, sessions and second factor. For administrators.
//!
//! What changes a user asks for the password first, if it was given too long ago, as the API does.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service_kit::http::fields::PathId;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, PageRequest};
use service_kit::http::problem::Problem;
use service_kit::http::server::ClientAddr;
use shared_events::UserId;

use super::error::ConsoleError;
use super::form::Form;
use super::list::{self, Page};
use super::login::Nothing;
use super::notice::Notice;
use super::page::{page, redirect_with};
use super::staff::Staff;
use crate::domain::policy::Action;
use crate::domain::role::Role;
use crate::domain::session::{SessionId, SessionView};
use crate::domain::user::{User, UserView};
use crate::domain::version::Expected;
use crate::http::{AppState, change_of_user, end_session_of, remove_second_factor, update_user_as};
use crate::store::{Db, StoreError, roles, sessions, users};

/// How many of a user's sessions are shown, the newest: a user may have a hundred.
const SHOWN_SESSIONS: usize = 30;
/// How many roles the form offers, beside those that the user has.
const SHOWN_ROLES: i64 = 100;
const SEARCH: &[Filter] =
    &[Filter { name: "q", kind: FilterKind::Text }, Filter { name: "is_blocked", kind: FilterKind::Boolean }];

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/users").route(web::get().to(list_users)))
        .service(web::resource("/users/{id}").route(web::get().to(show_user)))
        .service(web::resource("/users/{id}/roles").route(web::post().to(change_roles)))
        .service(web::resource("/users/{id}/block").route(web::post().to(change_block)))
        .service(web::resource("/users/{id}/mfa").route(web::post().to(take_second_factor)))
        .service(web::resource("/users/{id}/sessions/{session}/end").route(web::post().to(end_session)));
}

async fn list_users(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may_all(Action::ListUsers)?;
    let query = list::read(&request, SEARCH)?;
    let wanted = by_field(&query);
    let found = state.store.read(move |db| users::list(db, &wanted)).await.map_err(|error: StoreError| error)?;
    let listing = found.try_map(|user| Ok::<_, ConsoleError>(UserView::from(&user)))?;
    page(&staff, &request, "Users", "users.html", json!({ "list": Page::new(&request, &query, listing) }))
}

/// The search text as the field that it looks like: an id, an address or a username.
fn by_field(query: &ListQuery) -> ListQuery {
    let field = |(name, value): &(&'static str, FilterValue)| match (*name, value) {
        ("q", FilterValue::Text(text)) => match text.parse::<i64>() {
            Ok(id) => ("id", FilterValue::Integer(id)),
            Err(_) if text.contains('@') => ("email", FilterValue::Text(text.clone())),
            Err(_) => ("username", FilterValue::Text(text.clone())),
        },
        (name, value) => (name, value.clone()),
    };
    ListQuery { page: query.page, filters: query.filters.iter().map(field).collect() }
}

/// A role, and whether the user has it.
#[derive(Serialize)]
struct RoleChoice {
    name: String,
    is_held: bool,
}

async fn show_user(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: PathId<UserId>,
) -> Result<HttpResponse, ConsoleError> {
    staff.may_all(Action::ReadUser)?;
    let (PathId(id), now) = (id, state.clock.now());
    let read = move |db: &mut Db| {
        let user = users::find(db, id)?;
        let all = ListQuery { page: PageRequest::After { cursor: None, size: SHOWN_ROLES }, filters: Vec::new() };
        Ok::<_, StoreError>((user, roles::list(db, &all)?.rows, sessions::list_live(db, id, now)?))
    };
    let (user, all, live) = state.store.read(read).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    // A role that the form left out would be taken from the user with its next change.
    let all = all.into_iter().map(|role: Role| role.name);
    let names: BTreeSet<String> = all.chain(user.roles.iter().cloned()).collect();
    let choice = |name: String| RoleChoice { is_held: user.roles.contains(&name), name };
    let count = live.len();
    let newest = live.into_iter().rev().take(SHOWN_SESSIONS).map(|session| SessionView::new(session, staff.session_id));
    let context = json!({
        "user": UserView::from(&user),
        "version": user.version,
        "roles": names.into_iter().map(choice).collect::<Vec<_>>(),
        "sessions": newest.collect::<Vec<_>>(),
        "session_count": count,
        "is_self": user.id == staff.user_id,
    });
    page(&staff, &request, &format!("User {id}"), "user.html", context)
}

fn path_of(id: UserId) -> String {
    format!("/console/users/{id}")
}

/// The version of the user that the page showed: what was changed meanwhile is not overwritten.
fn expected(version: &str) -> Result<Expected, ConsoleError> {
    let version = version.parse().map_err(|_| Problem::malformed("The form has no version of the user."))?;
    Ok(Expected::one_of(vec![version]))
}

async fn change(
    state: &AppState,
    staff: &Staff,
    id: UserId,
    given: Map<String, Value>,
    version: &str,
) -> Result<User, ConsoleError> {
    staff.may_all(Action::UpdateUser)?;
    staff.require_fresh(path_of(id))?;
    let command = change_of_user(given, expected(version)?)?;
    Ok(update_user_as(state, staff.user_id, id, command).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesForm {
    #[serde(default)]
    role: Vec<String>,
    version: String,
}

async fn change_roles(
    state: web::Data<AppState>,
    id: PathId<UserId>,
    form: Form<RolesForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: RolesForm { role, version } }) = (id, form);
    let given = Map::from_iter([("roles".to_owned(), Value::from(role))]);
    change(&state, &staff, id, given, &version).await?;
    Ok(redirect_with(&staff, &path_of(id), Notice::RolesChanged))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IsBlocked {
    True,
    False,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockForm {
    is_blocked: IsBlocked,
    version: String,
}

async fn change_block(
    state: web::Data<AppState>,
    id: PathId<UserId>,
    form: Form<BlockForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: BlockForm { is_blocked, version } }) = (id, form);
    let wanted = is_blocked == IsBlocked::True;
    let given = Map::from_iter([("is_blocked".to_owned(), Value::from(wanted))]);
    change(&state, &staff, id, given, &version).await?;
    Ok(redirect_with(&staff, &path_of(id), if wanted { Notice::UserBlocked } else { Notice::UserUnblocked }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionForm {
    version: String,
}

async fn take_second_factor(
    state: web::Data<AppState>,
    id: PathId<UserId>,
    form: Form<VersionForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: VersionForm { version } }) = (id, form);
    staff.may_all(Action::ResetMfa)?;
    staff.require_fresh(path_of(id))?;
    remove_second_factor(&state, staff.user_id, id, expected(&version)?).await?;
    Ok(redirect_with(&staff, &path_of(id), Notice::SecondFactorRemoved))
}

#[derive(Deserialize)]
struct SessionPath {
    id: String,
    session: String,
}

/// Ends one session. It takes less than a block, which ends them all, and needs the same right.
async fn end_session(
    state: web::Data<AppState>,
    client: ClientAddr,
    path: web::Path<SessionPath>,
    form: Form<Nothing>,
) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: Nothing {} } = form;
    let id = path.id.parse::<i64>().ok().and_then(|id| UserId::try_new(id).ok());
    let id = id.ok_or_else(|| Problem::not_found("user"))?;
    let session: SessionId = path.session.parse().map_err(|_| Problem::not_found("session"))?;
    staff.may_all(Action::UpdateUser)?;
    staff.require_fresh(path_of(id))?;
    end_session_of(&state, staff.user_id, (id, session), client).await?;
    Ok(redirect_with(&staff, &path_of(id), Notice::SessionEnded))
}
