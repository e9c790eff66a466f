//! `POST /auth/reauth` and `PUT /auth/password`.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;

use super::login::origin;
use super::login_mfa::given_factor;
use super::password_strength::with_password_strength;
use super::profile_fields::password;
use crate::domain::password::Password;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::identity::{AccessToken, GivenFactor};

const MAX_TEXT: usize = 4096;

// It has no `Debug`: it holds a password.
pub(super) struct ReauthRequest {
    password: Option<Password>,
    second: Option<GivenFactor>,
}

/// The password; of whoever has a second factor also a code of the authenticator app, or a recovery code.
#[derive(utoipa::ToSchema)]
#[schema(as = ReauthRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) enum ReauthBody {
    ByApp(ReauthByApp),
    ByRecoveryCode(ReauthByRecoveryCode),
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ReauthByApp {
    #[schema(example = "correct horse battery staple", min_length = 1, max_length = 128)]
    pub password: String,
    /// Of whoever has a second factor: the six digits of the authenticator app.
    #[schema(required = false, example = "123456", pattern = "^[0-9]{6}$")]
    pub otp: String,
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ReauthByRecoveryCode {
    #[schema(example = "correct horse battery staple", min_length = 1, max_length = 128)]
    pub password: String,
    #[schema(example = "0123456789abcdef0123456789abcdef", pattern = "^[0-9A-Fa-f]{32}$")]
    pub recovery_code: String,
}

impl FromFields for ReauthRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = fields.required("password", parse::string(1, MAX_TEXT));
        let second = given_factor(fields);
        Some(Self { password: Password::for_login(&password?), second: second? })
    }
}

/// Makes the session fresh for five minutes. Who has a second factor gives it too. Wrong passwords count like those of a login.
#[utoipa::path(
    post,
    path = "/auth/reauth",
    operation_id = "reauthenticate_user",
    tag = "identity",
    request_body = ReauthBody,
    responses(
        (status = 200, description = "A fresh access token of the same session", body = AccessToken),
        (status = 401, description = "`invalid_credentials`; `mfa_required`: give the second factor too; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address, or too many wrong codes", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reauthenticate(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<ReauthRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::Reauthenticate)?;
    state.limits.logins.check(client.0)?;
    let Body(ReauthRequest { password, second }) = body;
    let (ctx, owner) = (state.ctx(actor.user_id), (actor.user_id, actor.session_id));
    let token = state.identity.reauthenticate(ctx, owner, password, second, origin(&request, client)).await?;
    Ok(HttpResponse::Ok().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(token))
}

// It has no `Debug`: it holds passwords.
#[expect(clippy::option_option, reason = "missing and impossible are two things")]
pub(super) struct ChangeRequest {
    /// None if it is missing; the inner none if no user can have it.
    existing: Option<Option<Password>>,
    new: Password,
}

#[derive(utoipa::ToSchema)]
#[schema(as = ChangePasswordRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ChangeBody {
    /// Missing only for a user who has no password.
    #[schema(required = false, example = "correct horse battery staple", min_length = 1, max_length = 128)]
    pub existing_password: String,
    #[schema(example = "another horse, another staple", min_length = 8, max_length = 128)]
    pub new_password: String,
}

impl FromFields for ChangeRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let existing = fields.optional("existing_password", parse::string(1, MAX_TEXT));
        let new = fields.required("new_password", password);
        Some(Self { existing: existing?.map(|text| Password::for_login(&text)), new: new? })
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct ChangedBody {
    #[schema(example = "password changed")]
    msg: &'static str,
    /// How many other sessions ended.
    sessions_ended: usize,
}

/// Sets another password, or the first one of a user who has none; needs a fresh token. Every other session ends, and the
/// address gets a notice.
#[utoipa::path(
    put,
    path = "/auth/password",
    tag = "identity",
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The password is changed", body = ChangedBody),
        (status = 401, description = "`invalid_credentials`, `fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The password was changed meanwhile", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_password(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Result<Body<ChangeRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ChangePassword)?;
    actor.require_fresh(state.clock.now())?;
    state.limits.logins.check(client.0)?;
    let ChangeRequest { existing, new } = with_password_strength(body, &state, &request, "new_password").await?;
    let (ctx, owner) = (state.ctx(actor.user_id), (actor.user_id, actor.session_id));
    let changed = state.identity.change_password(ctx, owner, existing, new, origin(&request, client));
    let sessions_ended = changed.await?;
    Ok(HttpResponse::Ok().json(ChangedBody { msg: "password changed", sessions_ended }))
}
