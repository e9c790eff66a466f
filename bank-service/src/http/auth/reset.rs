//! `POST /auth/password/forgot` and `POST /auth/password/reset`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::fields::{Body, Describe, Fields, Form, FromFields, Kind, Parse, parse};
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::{request_form, request_schema};

use super::credential_fields::{known_email, token};
use super::digits::mailed_code;
use super::email::{MessageBody, accepted};
use super::login::origin;
use super::password_strength::with_password_strength;
use super::profile_fields::new_password;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::identity::one_time::secret::{Code, LinkSecret};
use crate::identity::{ResetClaim, ResetError};

/// The longest address, in characters.
const MAX_EMAIL: usize = 254;

pub(super) struct ForgotPasswordRequest(Option<Email>);

impl FromFields for ForgotPasswordRequest {
    /// An invalid address is answered like an unknown one.
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = parse::string(1, MAX_EMAIL).described("The user's e-mail address, in any case of letters.");
        let email = email.example("john.doe@example.com");
        fields.required("email", email).map(|text| Self(Email::parse(&text).ok()))
    }
}

request_schema!(ForgotPasswordRequest);

/// Sends a link (30 minutes) and a code (10 minutes) to the address, if it is a user's. The answer is always the same. At
/// most one mail a minute goes to a user, and from networks that the account does not know three an hour and ten a day. The last
/// three links stay good until one is used.
#[utoipa::path(
    post,
    path = "/auth/password/forgot",
    tag = "identity",
    request_body = ForgotPasswordRequest,
    responses(
        (status = 202, description = "If the address is a user's, a mail is on its way", body = MessageBody),
        (status = 429, description = "Too many from this remote address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn forgot_password(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Body<ForgotPasswordRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.forgotten_passwords.check(client.0)?;
    let Body(ForgotPasswordRequest(email)) = body;
    state.identity.forgot_password(state.ctx_anonymous(), email, origin(&request, client)).await?;
    Ok(accepted("if the address is known, a mail is on its way"))
}

// It has no `Debug`: it holds a password.
pub(super) struct ResetPasswordRequest {
    claim: ResetClaim,
    password: Password,
}

impl FromFields for ResetPasswordRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let by_code = Form::of::<ResetByCode>(&["email", "verification_code"]);
        fields.one_of(&[Form::of::<ResetByLink>(&["token"]), by_code.usual()])
    }
}

request_schema!(ResetPasswordRequest, "By the link of the mail, or by its code.");

impl FromFields for ResetByLink {
    fn read(fields: &mut Fields) -> Option<Self> {
        let token = fields.required("token", token().described("The last part of the link."));
        let password = fields.required("password", another_password());
        let claim = ResetClaim::Link(LinkSecret::parse(&token?));
        Some(Self(ResetPasswordRequest { claim, password: password? }))
    }
}

request_form!(ResetByLink of ResetPasswordRequest);

impl FromFields for ResetByCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", known_email());
        let about = "Case, blanks and hyphens do not matter.";
        let code = fields.required("verification_code", mailed_code().described(about));
        let password = fields.required("password", another_password());
        let claim = ResetClaim::Code(email?, Code::parse_mailed(&code?));
        Some(Self(ResetPasswordRequest { claim, password: password? }))
    }
}

request_form!(ResetByCode of ResetPasswordRequest);

/// The new password.
pub(super) fn another_password() -> Kind<impl Parse<Password>, impl Describe> {
    new_password().example("another horse, another staple")
}

/// Sets another password by the link or the code of a mail. All sessions end, and pending logins, resets and changes are void. It
/// opens no session: log in with the new password, and with the second factor if there is one.
#[utoipa::path(
    post,
    path = "/auth/password/reset",
    tag = "identity",
    request_body = ResetPasswordRequest,
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
    body: Result<Body<ResetPasswordRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let ResetPasswordRequest { claim, password } = with_password_strength(body, &state, &request, "password").await?;
    let reset = state.identity.reset_password(state.ctx_anonymous(), claim, password, origin(&request, client)).await;
    if matches!(reset, Err(ResetError::Code)) {
        count_wrong_code(&state, "password_reset");
    }
    reset?;
    Ok(HttpResponse::Ok().json(MessageBody { msg: "password set" }))
}

/// Counts a wrong code; an alarm watches the rate, since many in a short time are guesses.
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
