//! `POST /auth/login/mfa`: the second step of a login; and the parsing and errors of second factors.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;

use super::digits::six_digits;
use super::login::{origin, tokens};
use crate::domain::mfa::{Otp, RecoveryCode};
use crate::http::AppState;
use crate::identity::second_factor::enrolment::MfaError;
use crate::identity::{GivenFactor, SecondFactorError, TokenPair};

const MAX_TEXT: usize = 4096;

/// A code of an app, as a text or as a number.
pub(super) fn otp(value: &Value) -> Result<Otp, String> {
    Otp::parse(&six_digits(value)?).map_err(|error| error.to_string())
}

/// Reads `otp` or `recovery_code`. Outer `None`: a fault; inner `None`: neither was given.
#[expect(clippy::option_option, reason = "a fault, nothing and a factor are three things")]
pub(super) fn given_factor(fields: &mut Fields) -> Option<Option<GivenFactor>> {
    let otp = fields.optional("otp", otp);
    let code = fields.optional("recovery_code", parse::via(RecoveryCode::parse));
    match (otp?, code?) {
        (None, None) => Some(None),
        (Some(otp), None) => Some(Some(GivenFactor::Otp(otp))),
        (None, Some(code)) => Some(Some(GivenFactor::RecoveryCode(code))),
        (Some(_), Some(_)) => {
            fields.fault("recovery_code", "must not stand beside otp");
            None
        }
    }
}

/// The same where one of the two must be there.
pub(super) fn required_factor(fields: &mut Fields) -> Option<GivenFactor> {
    let given = given_factor(fields)?;
    if given.is_none() {
        fields.fault("otp", "is required, unless a recovery_code is given");
    }
    given
}

// It has no `Debug`: it holds secrets.
pub(super) struct LoginMfaRequest {
    mfa_token: String,
    given: GivenFactor,
}

/// A code of the authenticator app, or a recovery code.
#[derive(utoipa::ToSchema)]
#[schema(as = LoginMfaRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) enum LoginMfaBody {
    ByApp(LoginByApp),
    ByRecoveryCode(LoginByRecoveryCode),
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct LoginByApp {
    /// The one that came with `mfa_required`; good for 5 minutes and 5 tries.
    #[schema(min_length = 1, max_length = 255, pattern = "^[A-Za-z0-9_-]+$")]
    pub mfa_token: String,
    /// The six digits of the authenticator app.
    #[schema(example = "123456", pattern = "^[0-9]{6}$")]
    pub otp: String,
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct LoginByRecoveryCode {
    /// The one that came with `mfa_required`; good for 5 minutes and 5 tries.
    #[schema(min_length = 1, max_length = 255, pattern = "^[A-Za-z0-9_-]+$")]
    pub mfa_token: String,
    #[schema(example = "0123456789abcdef0123456789abcdef", pattern = "^[0-9A-Fa-f]{32}$")]
    pub recovery_code: String,
}

impl FromFields for LoginMfaRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mfa_token = fields.required("mfa_token", parse::string(1, MAX_TEXT));
        let given = required_factor(fields);
        Some(Self { mfa_token: mfa_token?, given: given? })
    }
}

/// Ends a login that was answered with `mfa_required`. A code of the app counts once; wrong ones slow the next ones down, for
/// the user and not only for this login. Recovery codes are never slowed down.
#[utoipa::path(
    post,
    path = "/auth/login/mfa",
    tag = "identity",
    request_body = LoginMfaBody,
    responses(
        (status = 200, description = "Tokens of a new session", body = TokenPair),
        (status = 401, description = "`invalid_credentials`: the code is wrong or was used; `invalid_token`: the `mfa_token` is over, log in again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address, or too many wrong codes of this user", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn complete_login(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Body<LoginMfaRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let Body(LoginMfaRequest { mfa_token, given }) = body;
    let origin = origin(&request, client);
    Ok(tokens(&state, &state.identity.complete_login(state.ctx_anonymous(), &mfa_token, given, origin).await?))
}

impl From<SecondFactorError> for Problem {
    fn from(error: SecondFactorError) -> Self {
        match error {
            SecondFactorError::Required => {
                Self::new(ErrorCode::MfaRequired, "Send a code of your authenticator app too, or a recovery code.")
            }
            SecondFactorError::Wrong => {
                Self::new(ErrorCode::InvalidCredentials, "The code is wrong, or it was used before.")
            }
            SecondFactorError::SlowedDown { retry_after } => {
                let detail = "Too many codes were wrong; wait, or use a recovery code.";
                Self::new(ErrorCode::TooManyRequests, detail).with_retry_after(retry_after)
            }
            SecondFactorError::NoChallenge => {
                Self::new(ErrorCode::InvalidToken, "The mfa_token is over; log in again.")
            }
            SecondFactorError::PasswordMissing => {
                Self::validation(FieldErrors::from([("password".to_owned(), vec!["is required".to_owned()])]))
            }
            SecondFactorError::Setup(error) => error.into(),
            SecondFactorError::Password(error) => error.into(),
            error @ (SecondFactorError::Vault(_) | SecondFactorError::Seed(_)) => Self::internal(&error),
            SecondFactorError::Token(error) => Self::internal(&error),
            SecondFactorError::Store(error) => error.into(),
        }
    }
}

impl From<MfaError> for Problem {
    fn from(error: MfaError) -> Self {
        match error {
            MfaError::AlreadyActive => Self::conflict("A second factor is active already; remove it first."),
            MfaError::NotFound => Self::not_found("second factor"),
            MfaError::Stale => Self::stale(),
            MfaError::SessionEnded => {
                Self::new(ErrorCode::TokenRevoked, "The session of this token has ended; log in again.")
            }
            MfaError::Store(error) => error.into(),
        }
    }
}
