//! `POST /auth/login/mfa`: the second step of a login; and the errors of second factors.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::fields::{Body, Describe, Fields, Form, FromFields, Kind, Parse};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::{request_form, request_schema};

use super::credential_fields::{recovery_code, token};
use super::digits::otp;
use super::login::{origin, tokens};
use super::login_metrics::{LoginMethod, counted};
use crate::http::AppState;
use crate::identity::second_factor::enrolment::MfaError;
use crate::identity::{GivenFactor, SecondFactorError, TokenPair};

// It has no `Debug`: it holds secrets.
pub(super) struct LoginMfaRequest {
    mfa_token: String,
    given: GivenFactor,
}

impl FromFields for LoginMfaRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.one_of(&[Form::of::<LoginByApp>(&["otp"]), Form::of::<LoginByRecoveryCode>(&["recovery_code"])])
    }
}

request_schema!(LoginMfaRequest, "A code of the authenticator app, or a recovery code.");

impl FromFields for LoginByApp {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mfa_token = fields.required("mfa_token", mfa_token());
        let otp = fields.required("otp", otp().described("The six digits of the authenticator app."));
        Some(Self(LoginMfaRequest { mfa_token: mfa_token?, given: GivenFactor::Otp(otp?) }))
    }
}

request_form!(LoginByApp of LoginMfaRequest);

impl FromFields for LoginByRecoveryCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mfa_token = fields.required("mfa_token", mfa_token());
        let code = fields.required("recovery_code", recovery_code());
        Some(Self(LoginMfaRequest { mfa_token: mfa_token?, given: GivenFactor::RecoveryCode(code?) }))
    }
}

request_form!(LoginByRecoveryCode of LoginMfaRequest);

fn mfa_token() -> Kind<impl Parse<String>, impl Describe> {
    token().described("The one that came with `mfa_required`; good for 5 minutes and 5 tries.")
}

/// Ends a login that was answered with `mfa_required`. A code of the app counts once; wrong ones slow the next ones down, for
/// the user and not only for this login. Recovery codes are never slowed down.
#[utoipa::path(
    post,
    path = "/auth/login/mfa",
    tag = "identity",
    request_body = LoginMfaRequest,
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
    let pair = state.identity.complete_login(state.ctx_anonymous(), &mfa_token, given, origin).await;
    let answer = pair.map(|pair| tokens(&state, &pair)).map_err(Problem::from);
    counted(&state, LoginMethod::SecondFactor, answer)
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
