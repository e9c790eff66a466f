//! `POST /auth/password/forgot` and `POST /auth/password/reset`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;

use super::digits::mailed_code;
use super::email::{MessageBody, accepted};
use super::login::origin;
use super::password_strength::with_password_strength;
use super::profile_fields::password;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::identity::one_time::secret::{Code, LinkSecret};
use crate::identity::{ResetClaim, ResetError};

const MAX_TEXT: usize = 4096;
/// Of an address, in characters.
const MAX_EMAIL: usize = 254;

pub(super) struct ForgotRequest(Option<Email>);

#[derive(utoipa::ToSchema)]
#[schema(as = ForgotPasswordRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ForgotBody {
    #[schema(example = "john.doe@example.com", min_length = 1, max_length = 254)]
    pub email: String,
}

impl FromFields for ForgotRequest {
    /// What no user can have is as unknown as any other unknown address.
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("email", parse::string(1, MAX_EMAIL)).map(|text| Self(Email::parse(&text).ok()))
    }
}

/// Sends a link (30 minutes) and a code (10 minutes) to the address, if it is a user's. The answer is always the same. At
/// most one mail a minute goes to a user, and from networks that the account does not know three an hour and ten a day. The last
/// three links stay good until one is used.
#[utoipa::path(
    post,
    path = "/auth/password/forgot",
    tag = "identity",
    request_body = ForgotBody,
    responses(
        (status = 202, description = "If the address is a user's, a mail is on its way", body = MessageBody),
        (status = 429, description = "Too many from this remote address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn forgot_password(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Body<ForgotRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.forgotten_passwords.check(client.0)?;
    let Body(ForgotRequest(email)) = body;
    state.identity.forgot_password(state.ctx_anonymous(), email, origin(&request, client)).await?;
    Ok(accepted("if the address is known, a mail is on its way"))
}

// It has no `Debug`: it holds a password.
pub(super) struct ResetRequest {
    claim: ResetClaim,
    password: Password,
}

/// By the link of the mail, or by its code.
#[derive(utoipa::ToSchema)]
#[schema(as = ResetPasswordRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) enum ResetBody {
    ByLink(ResetByLink),
    ByCode(ResetByCode),
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ResetByLink {
    /// The last part of the link.
    #[schema(min_length = 1, max_length = 255, pattern = "^[A-Za-z0-9_-]+$")]
    pub token: String,
    #[schema(example = "another horse, another staple", min_length = 8, max_length = 128)]
    pub password: String,
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct ResetByCode {
    #[schema(example = "john.doe@example.com", min_length = 1, max_length = 254)]
    pub email: String,
    /// Case, blanks and hyphens do not matter.
    #[schema(example = "7K3M-9QXT", min_length = 1, max_length = 255)]
    pub verification_code: String,
    #[schema(example = "another horse, another staple", min_length = 8, max_length = 128)]
    pub password: String,
}

impl FromFields for ResetRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let text = parse::string(1, MAX_TEXT);
        let password = fields.required("password", password);
        let claim = if fields.was_given("token") {
            let token = fields.required("token", &text);
            for name in ["email", "verification_code"] {
                if fields.was_given(name) {
                    fields.ignore(name);
                    fields.fault(name, "must not be given with a token");
                }
            }
            token.map(|token| ResetClaim::Link(LinkSecret::parse(&token)))
        } else {
            let email = fields.required("email", &text);
            let code = fields.required("verification_code", mailed_code);
            email.zip(code).map(|(email, code)| ResetClaim::Code(Email::parse(&email).ok(), Code::parse_mailed(&code)))
        };
        if fields.has_faults() {
            return None;
        }
        Some(Self { claim: claim?, password: password? })
    }
}

/// Sets another password by the link or the code of a mail. All sessions end, and what else is under way is void. It opens
/// no session: log in with the new password, and with the second factor if there is one.
#[utoipa::path(
    post,
    path = "/auth/password/reset",
    tag = "identity",
    request_body = ResetBody,
    responses(
        (status = 200, description = "The password is set", body = MessageBody),
        (status = 401, description = "`invalid_token`: the link is not ours, used, or expired; `invalid_credentials`: address and code do not belong together", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries from this remote address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reset_password(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Result<Body<ResetRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let ResetRequest { claim, password } = with_password_strength(body, &state, &request, "password").await?;
    let reset = state.identity.reset_password(state.ctx_anonymous(), claim, password, origin(&request, client)).await;
    if matches!(reset, Err(ResetError::Code)) {
        count_wrong_code(&state, "password_reset");
    }
    reset?;
    Ok(HttpResponse::Ok().json(MessageBody { msg: "password set" }))
}

/// Many in a short time are guesses: worth an alarm.
pub(super) fn count_wrong_code(state: &AppState, purpose: &str) {
    let help = "Wrong one-time codes, by what they are for.";
    state.metrics.counter("bank_wrong_codes_total", help, &["purpose"]).with_label_values(&[purpose]).inc();
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::Link => Self::new(ErrorCode::InvalidToken, "The link is not valid, was used, or has expired."),
            ResetError::Code => Self::new(ErrorCode::InvalidCredentials, "The e-mail address or the code is wrong."),
            ResetError::New(error) => error.into(),
            ResetError::Store(error) => error.into(),
        }
    }
}
