//! `/auth/mfa`: setting up and removing a second factor.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, Form, FromFields};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::{ClientAddr, head_only};
use service_kit::{request_form, request_schema};

use super::credential_fields::{known_password, recovery_code};
use super::digits::otp;
use super::login::origin;
use crate::domain::mfa::{Otp, RecoveryCode};
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::http::stored_faults::{missing_password, with_faults};
use crate::identity::second_factor::enrolment::Owner;
use crate::identity::{GivenFactor, GivenPassword};
use crate::store::{StoreError, second_factors};

fn owner(actor: &Actor, client: ClientAddr) -> Owner {
    Owner { user_id: actor.user_id, session_id: actor.session_id, remote_addr: Some(client.0.to_string()) }
}

fn no_store() -> CacheControl {
    CacheControl(vec![CacheDirective::NoStore])
}

/// A seed for an authenticator app.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct SeedBody {
    /// To be typed into the app, in base32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same for an app that opens links.
    #[schema(example = "otpauth://totp/Bank:a%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bank")]
    otpauth_url: String,
}

/// Makes a seed for an authenticator app (TOTP: SHA-1, 6 digits, 30 s). The seed is pending for ten minutes, until its first
/// code comes to `POST /auth/mfa/totp/verify`; another request replaces it. Needs a fresh token.
#[utoipa::path(
    post,
    path = "/auth/mfa/totp",
    tag = "identity",
    responses(
        (status = 200, description = "The seed, shown once", body = SeedBody),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "A second factor is active already", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn begin_mfa(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::BeginMfa)?;
    actor.require_fresh(state.clock.now())?;
    let seed = state.identity.begin_mfa(state.ctx(actor.user_id), actor.user_id).await?;
    let body = SeedBody { secret: seed.base32, otpauth_url: seed.otpauth_url };
    Ok(HttpResponse::Ok().insert_header(no_store()).json(body))
}

/// The pending seed as a QR code for the app; once. Needs a fresh token.
#[utoipa::path(
    get,
    path = "/auth/mfa/totp/qrcode",
    tag = "identity",
    responses(
        (status = 200, description = "The QR code of the `otpauth_url`", body = Vec<u8>, content_type = "image/png"),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No seed is pending, or its code was shown before", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_qr_code(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadMfaQrCode)?;
    actor.require_fresh(state.clock.now())?;
    if head_only() {
        // The QR code is shown once, and a HEAD request does not show it.
        return Ok(HttpResponse::Ok().insert_header(no_store()).content_type("image/png").finish());
    }
    let image = state.identity.mfa_qr_code(state.ctx(actor.user_id), actor.user_id).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).content_type("image/png").body(image))
}

// It has no `Debug`: it holds a code.
pub(super) struct VerifyMfaRequest(Otp);

impl FromFields for VerifyMfaRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("otp", otp().described("The six digits that the app shows.")).map(Self)
    }
}

request_schema!(VerifyMfaRequest);

/// Recovery codes, shown once.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct RecoveryCodesBody {
    /// The result, as a sentence.
    #[schema(example = "second factor enabled")]
    msg: &'static str,
    /// Each is good for one login without the app. They are shown this once.
    #[schema(example = json!(["0123456789abcdef0123456789abcdef"]))]
    recovery_codes: Vec<String>,
    /// How many other sessions ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions_ended: Option<usize>,
}

fn recovery_codes(msg: &'static str, codes: &[RecoveryCode], sessions_ended: Option<usize>) -> HttpResponse {
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    HttpResponse::Ok().insert_header(no_store()).json(RecoveryCodesBody { msg, recovery_codes, sessions_ended })
}

/// Activates the pending seed by its first code. From then on logins ask for one. Every other session ends.
#[utoipa::path(
    post,
    path = "/auth/mfa/totp/verify",
    tag = "identity",
    request_body = VerifyMfaRequest,
    responses(
        (status = 200, description = "The second factor is active", body = RecoveryCodesBody),
        (status = 401, description = "`invalid_credentials`: the code is wrong; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No seed is pending", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "A second factor is active already", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong codes", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn activate_mfa(
    state: web::Data<AppState>,
    actor: Actor,
    client: ClientAddr,
    body: Body<VerifyMfaRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ActivateMfa)?;
    let Body(VerifyMfaRequest(otp)) = body;
    let ctx = state.ctx(actor.user_id);
    let (codes, ended) = state.identity.activate_mfa(ctx, owner(&actor, client), otp).await?;
    Ok(recovery_codes("second factor enabled", &codes, Some(ended)))
}

// It has no `Debug`: it holds secrets.
pub(super) struct RemoveMfaRequest {
    password: GivenPassword,
    given: GivenFactor,
}

impl FromFields for RemoveMfaRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.one_of(&[Form::of::<RemoveMfaByApp>(&["otp"]), Form::of::<RemoveMfaByRecoveryCode>(&["recovery_code"])])
    }
}

request_schema!(RemoveMfaRequest, "The password, and a code of the authenticator app or a recovery code.");

impl FromFields for RemoveMfaByApp {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = given_password(fields);
        let otp = fields.required("otp", otp());
        Some(Self(RemoveMfaRequest { password: password?, given: GivenFactor::Otp(otp?) }))
    }
}

request_form!(RemoveMfaByApp of RemoveMfaRequest);

impl FromFields for RemoveMfaByRecoveryCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = given_password(fields);
        let code = fields.required("recovery_code", recovery_code());
        Some(Self(RemoveMfaRequest { password: password?, given: GivenFactor::RecoveryCode(code?) }))
    }
}

request_form!(RemoveMfaByRecoveryCode of RemoveMfaRequest);

fn given_password(fields: &mut Fields) -> Option<GivenPassword> {
    let password = known_password().described("Required of everybody who has a password.");
    let password = fields.optional("password", password)?;
    Some(password.map_or(GivenPassword::Missing, GivenPassword::Given))
}

/// The answer to the removal of a second factor.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct RemovedBody {
    /// The result, as a sentence.
    #[schema(example = "second factor disabled")]
    msg: &'static str,
}

/// Removes the second factor; requires the password, a code of the factor and a fresh token.
#[utoipa::path(
    delete,
    path = "/auth/mfa/totp",
    tag = "identity",
    request_body = RemoveMfaRequest,
    responses(
        (status = 200, description = "The second factor is gone", body = RemovedBody),
        (status = 401, description = "`invalid_credentials`, `fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No second factor is active", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address, or too many wrong codes", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deactivate_mfa(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Result<Body<RemoveMfaRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DeactivateMfa)?;
    actor.require_fresh(state.clock.now())?;
    state.limits.logins.check(client.0)?;
    let missing = missing_password(&state, &request, actor.user_id, "password").await?;
    let Body(RemoveMfaRequest { password, given }) = with_faults(body, missing)?;
    let (ctx, owner, origin) = (state.ctx(actor.user_id), owner(&actor, client), origin(&request, client));
    state.identity.deactivate_mfa(ctx, owner, password, given, origin).await?;
    Ok(HttpResponse::Ok().json(RemovedBody { msg: "second factor disabled" }))
}

/// The recovery codes that are left.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct CodesLeftBody {
    /// Whether logins ask for a second factor.
    enabled: bool,
    /// How many recovery codes were not used yet.
    #[schema(example = 10)]
    left: i64,
}

/// Whether there is a second factor, and how many recovery codes are left.
#[utoipa::path(
    get,
    path = "/auth/mfa/recovery-codes",
    tag = "identity",
    responses(
        (status = 200, description = "How many are left; never the codes", body = CodesLeftBody),
    )
)]
pub(super) async fn count_recovery_codes(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::CountRecoveryCodes)?;
    let id = actor.user_id;
    let read = state.store.read(move |db| {
        let (enabled, left) = (second_factors::is_active(db, id)?, second_factors::codes_left(db, id)?);
        Ok::<_, StoreError>(CodesLeftBody { enabled, left })
    });
    Ok(HttpResponse::Ok().json(read.await?))
}

/// Ten new recovery codes; the old ones are void. Needs a fresh token.
#[utoipa::path(
    post,
    path = "/auth/mfa/recovery-codes",
    tag = "identity",
    responses(
        (status = 200, description = "The codes, shown once", body = RecoveryCodesBody),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No second factor is active", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn renew_recovery_codes(
    state: web::Data<AppState>,
    actor: Actor,
    client: ClientAddr,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::RenewRecoveryCodes)?;
    actor.require_fresh(state.clock.now())?;
    let codes = state.identity.renew_recovery_codes(state.ctx(actor.user_id), owner(&actor, client)).await?;
    Ok(recovery_codes("recovery codes made", &codes, None))
}
