//! `/auth/phone`: verifying a telephone number.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::request_schema;

use super::digits::six_digits;
use super::email::{MessageBody, accepted, cooldown_problem};
use super::login::origin;
use super::reset::count_wrong_code;
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::http::problem_map::fault;
use crate::identity::one_time::secret::Code;
use crate::identity::phone::{SendPhoneCodeError, VerifyPhoneError};

pub(super) struct PhoneRequest(PhoneNumber);

impl FromFields for PhoneRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "E.164; blanks, hyphens, dots, slashes and brackets are passed over, and 00 is taken for the plus.";
        let phone = parse::via(PhoneNumber::parse).length(8, 40).described(about).example("+4915112345678");
        fields.required("phone", phone).map(Self)
    }
}

request_schema!(PhoneRequest);

/// Sends a code to a telephone number by text message; needs a fresh token and a proved e-mail address. At most once
/// a minute, ten times a day and five times to one number; networks, countries and all messages have limits, too.
#[utoipa::path(
    post,
    path = "/auth/phone",
    tag = "identity",
    request_body = PhoneRequest,
    responses(
        (status = 202, description = "A text message is on its way", body = MessageBody),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The e-mail address is not verified", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "One was sent a moment ago, or too many within a day", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send_phone_code(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<PhoneRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::SendPhoneCode)?;
    actor.require_fresh(state.clock.now())?;
    let Body(PhoneRequest(number)) = body;
    let (ctx, origin) = (state.ctx(actor.user_id), origin(&request, client));
    let sent = state.identity.send_phone_code(ctx, actor.user_id, number, origin).await;
    sent.map_err(|error| match error {
        SendPhoneCodeError::Cooldown(until) => cooldown_problem(until, state.clock.now()),
        SendPhoneCodeError::AddressNotVerified => {
            Problem::conflict("Prove your e-mail address first (POST /auth/email/verification).")
        }
        error @ SendPhoneCodeError::Seal => Problem::internal(&error),
        SendPhoneCodeError::Store(error) => error.into(),
    })?;
    Ok(accepted("a text message is on its way"))
}

// It has no `Debug`: it holds a code.
pub(super) struct VerifyPhoneRequest(Option<Code>);

impl FromFields for VerifyPhoneRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let code = six_digits().length(1, 255).described("Six digits; a number is taken too.");
        fields.required("code", code).map(|text| Self(Code::parse(&text)))
    }
}

request_schema!(VerifyPhoneRequest);

/// The answer to the verification of a telephone number.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct VerifiedBody {
    /// The result, as a sentence.
    #[schema(example = "phone verified")]
    msg: &'static str,
    /// The number that is the caller's now.
    #[schema(example = "+4915112345678")]
    phone: String,
}

/// Takes the code of the text message. Five wrong codes make it void. The right one gets the same answer again
/// while it is valid.
#[utoipa::path(
    post,
    path = "/auth/phone/verify",
    tag = "identity",
    request_body = VerifyPhoneRequest,
    responses(
        (status = 200, description = "The number is the caller's", body = VerifiedBody),
        (status = 409, description = "The number is another user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`code`: wrong, expired, or tried too often", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn verify_phone(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<VerifyPhoneRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyPhone)?;
    let Body(VerifyPhoneRequest(code)) = body;
    let ctx = state.ctx(actor.user_id);
    let verified = state.identity.verify_phone(ctx, actor.user_id, code, origin(&request, client)).await;
    let number = verified.map_err(|error| match error {
        VerifyPhoneError::Taken => Problem::conflict("The number is another user's."),
        VerifyPhoneError::Store(error) => error.into(),
    })?;
    if number.is_none() {
        count_wrong_code(&state, "phone");
    }
    let number = number.ok_or_else(|| fault("code", "is wrong, has expired, or was tried too often"))?;
    Ok(HttpResponse::Ok().json(VerifiedBody { msg: "phone verified", phone: number.as_str().to_owned() }))
}
