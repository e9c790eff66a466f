//! `/auth/phone`: proving a telephone number.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;

use super::email::{MessageBody, accepted, not_yet};
use super::login::origin;
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::http::problem_map::fault;
use crate::operations::identity::phone::{SendPhoneCodeError, VerifyPhoneError};
use crate::security::one_time::Code;

const MAX_TEXT: usize = 64;

pub(super) struct PhoneRequest(PhoneNumber);

#[derive(utoipa::ToSchema)]
#[schema(as = PhoneRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct PhoneBody {
    /// E.164
    #[schema(example = "+4915112345678", pattern = r"^\+[1-9][0-9]{7,14}$")]
    pub phone: String,
}

impl FromFields for PhoneRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("phone", parse::via(PhoneNumber::parse)).map(Self)
    }
}

/// Sends a code to a telephone number by text message; needs a fresh token. The same request sends another one, once a
/// minute and ten times a day at most.
#[utoipa::path(
    post,
    path = "/auth/phone",
    tag = "identity",
    request_body = PhoneBody,
    responses(
        (status = 202, description = "A text message is on its way", body = MessageBody),
        (status = 400, description = "Not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "One was sent a moment ago, or ten within a day", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send_phone_code(
    state: web::Data<AppState>,
    actor: Actor,
    body: Body<PhoneRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::SendPhoneCode)?;
    actor.require_fresh(state.clock.now())?;
    let Body(PhoneRequest(number)) = body;
    let sent = state.security.send_phone_code(state.ctx(actor.user_id), actor.user_id, number).await;
    sent.map_err(|error| match error {
        SendPhoneCodeError::NotYet(until) => not_yet(until, state.clock.now()),
        error @ SendPhoneCodeError::Seal => Problem::internal(&error),
        SendPhoneCodeError::Store(error) => error.into(),
    })?;
    Ok(accepted("a text message is on its way"))
}

/// It has no `Debug`: it holds a code.
pub(super) struct CodeRequest(Option<Code>);

#[derive(utoipa::ToSchema)]
#[schema(as = VerifyPhoneRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct CodeBody {
    #[schema(example = "123456", min_length = 1, max_length = 255)]
    pub code: String,
}

impl FromFields for CodeRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("code", parse::string(1, MAX_TEXT)).map(|text| Self(Code::parse(&text)))
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct VerifiedBody {
    #[schema(example = "phone verified")]
    msg: &'static str,
    /// The number that is the caller's now.
    #[schema(example = "+4915112345678")]
    phone: String,
}

/// Takes the code of the text message. Five wrong codes make it void.
#[utoipa::path(
    post,
    path = "/auth/phone/verify",
    tag = "identity",
    request_body = CodeBody,
    responses(
        (status = 200, description = "The number is the caller's", body = VerifiedBody),
        (status = 400, description = "Not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The number is another user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`code`: wrong, expired, or tried too often", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn verify_phone(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<CodeRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyPhone)?;
    let Body(CodeRequest(code)) = body;
    let ctx = state.ctx(actor.user_id);
    let verified = state.security.verify_phone(ctx, actor.user_id, code, origin(&request, client)).await;
    let number = verified.map_err(|error| match error {
        VerifyPhoneError::Taken => Problem::conflict("The number is another user's."),
        VerifyPhoneError::Store(error) => error.into(),
    })?;
    let number = number.ok_or_else(|| fault("code", "is wrong, has expired, or was tried too often"))?;
    Ok(HttpResponse::Ok().json(VerifiedBody { msg: "phone verified", phone: number.as_str().to_owned() }))
}
