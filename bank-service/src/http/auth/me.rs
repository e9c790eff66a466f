//! `/auth/me`: the caller's own user.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, Fields, FromFields};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::request_schema;
use shared_events::{AccountId, ClientId, UserId};

use super::profile_fields::{SET_BY_SERVER, profile_change};
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::Action;
use crate::domain::user::{Holdings, MAX_SHOWN_ACCOUNTS, User, UserView};
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::identity::users::profile::{UpdateProfile, UpdateProfileError, update_profile};
use crate::store::{StoreError, phones, users};

/// The caller's user, with what it owns.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::http) struct Me {
    #[serde(flatten)]
    user: UserView,
    /// Null until the user is a client.
    #[schema(value_type = Option<i64>)]
    client_id: Option<ClientId>,
    /// The first 100; `GET /api/accounts` lists all.
    #[schema(value_type = Vec<i64>)]
    account_ids: Vec<AccountId>,
    /// The telephone number that the caller has proved; null if none.
    #[schema(example = "+4915112345678")]
    phone: Option<String>,
    /// True where there are more accounts than are shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    account_ids_truncated: bool,
}

impl Me {
    fn new(user: &User, holdings: Holdings, phone: Option<&PhoneNumber>) -> Self {
        Self {
            user: user.into(),
            phone: phone.map(|number| number.as_str().to_owned()),
            client_id: holdings.client_id,
            account_ids: holdings.account_ids,
            account_ids_truncated: holdings.truncated,
        }
    }
}

/// The caller's own user.
#[utoipa::path(
    get,
    path = "/auth/me",
    tag = "identity",
    responses(
        (status = 200, description = "The caller", body = Me),
    )
)]
pub(super) async fn read_me(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadProfile)?;
    let id = actor.user_id;
    let found = state.store.read(move |db| {
        let Some(user) = users::find(db, id)? else { return Ok::<_, StoreError>(None) };
        let holdings = users::holdings(db, id, MAX_SHOWN_ACCOUNTS)?;
        Ok(Some(Me::new(&user, holdings, phones::find(db, id)?.as_ref())))
    });
    let me = found.await?.ok_or_else(|| Problem::not_found("user"))?;
    Ok(HttpResponse::Ok().json(me))
}

pub(super) struct ProfileRequest(UpdateProfile);

impl FromFields for ProfileRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(SET_BY_SERVER);
        fields.read_only(&["email", "phone", "roles", "is_blocked"]);
        fields.read_only(&["client_id", "account_ids", "account_ids_truncated"]);
        profile_change(fields).map(Self)
    }
}

request_schema!(ProfileRequest, "The fields to change; null clears one.");

/// Changes the caller's profile.
#[utoipa::path(
    put,
    path = "/auth/me",
    tag = "identity",
    request_body = ProfileRequest,
    responses(
        (status = 200, description = "The caller as it is now", body = ItemBody<Me>),
        (status = 409, description = "The user was changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn update_me(
    state: web::Data<AppState>,
    actor: Actor,
    body: Body<ProfileRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UpdateProfile)?;
    let Body(ProfileRequest(command)) = body;
    let id: UserId = actor.user_id;
    let updated = state.write(id, move |db, ctx| {
        let outcome = update_profile(db, ctx, id, &command)?;
        let holdings = users::holdings(db, id, MAX_SHOWN_ACCOUNTS)?;
        let phone = phones::find(db, id)?;
        Ok::<_, UpdateProfileError>(outcome.map(|user| Me::new(&user, holdings, phone.as_ref())))
    });
    Ok(envelope::updated(&updated.await?))
}
