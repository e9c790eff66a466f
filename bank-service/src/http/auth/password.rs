//! `POST /auth/reauth` and `PUT /auth/password`.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, Form, FromFields};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::{request_form, request_schema};

use super::credential_fields::{known_password, recovery_code};
use super::digits::otp;
use super::login::origin;
use super::password_strength::with_password_strength;
use super::reset::another_password;
use crate::domain::password::Password;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::http::stored_faults::{missing_password, with_faults};
use crate::identity::{AccessToken, GivenFactor};

// It has no `Debug`: it holds a password.
pub(super) struct ReauthRequest {
    password: Option<Password>,
    second: Option<GivenFactor>,
}

impl FromFields for ReauthRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.one_of(&[Form::of::<ReauthByApp>(&["otp"]), Form::of::<ReauthByRecoveryCode>(&["recovery_code"])])
    }
}

request_schema!(
    ReauthRequest,
    "The password; of whoever has a second factor also a code of the authenticator app, or a recovery code.",
);

impl FromFields for ReauthByApp {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = fields.required("password", known_password());
        let about = "Of whoever has a second factor: the six digits of the authenticator app.";
        let otp = fields.optional("otp", otp().described(about));
        Some(Self(ReauthRequest { password: password?, second: otp?.map(GivenFactor::Otp) }))
    }
}

request_form!(ReauthByApp of ReauthRequest);

impl FromFields for ReauthByRecoveryCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = fields.required("password", known_password());
        let code = fields.required("recovery_code", recovery_code());
        Some(Self(ReauthRequest { password: password?, second: Some(GivenFactor::RecoveryCode(code?)) }))
    }
}

request_form!(ReauthByRecoveryCode of ReauthRequest);

/// Makes the session fresh for five minutes. A user with a second factor has to give a code too. Wrong passwords count like those
/// of a login.
#[utoipa::path(
    post,
    path = "/auth/reauth",
    operation_id = "reauthenticate_user",
    tag = "identity",
    request_body = ReauthRequest,
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
pub(super) struct ChangePasswordRequest {
    /// None if it is missing; the inner none if no user can have it.
    existing: Option<Option<Password>>,
    new: Password,
}

impl FromFields for ChangePasswordRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let existing = known_password().described("Missing only for a user who has no password.");
        let existing = fields.optional("existing_password", existing);
        let new = fields.required("new_password", another_password());
        Some(Self { existing: existing?, new: new? })
    }
}

request_schema!(ChangePasswordRequest);

/// The answer to the change of a password.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct ChangedBody {
    /// The result, as a sentence.
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
    request_body = ChangePasswordRequest,
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
    body: Result<Body<ChangePasswordRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ChangePassword)?;
    actor.require_fresh(state.clock.now())?;
    state.limits.logins.check(client.0)?;
    let missing = missing_password(&state, &request, actor.user_id, "existing_password").await?;
    let ChangePasswordRequest { existing, new } =
        with_password_strength(with_faults(body, missing), &state, &request, "new_password").await?;
    let (ctx, owner) = (state.ctx(actor.user_id), (actor.user_id, actor.session_id));
    let changed = state.identity.change_password(ctx, owner, existing, new, origin(&request, client));
    let sessions_ended = changed.await?;
    Ok(HttpResponse::Ok().json(ChangedBody { msg: "password changed", sessions_ended }))
}
