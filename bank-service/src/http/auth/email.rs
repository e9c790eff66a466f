//! `/auth/email`: verifying an address, and changing it.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, FromFields};
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::request_schema;

use super::credential_fields::token;
use super::login::origin;
use super::profile_fields::email;
use crate::domain::email::Email;
use crate::domain::one_time::Cooldown;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::http::problem_map::fault;
use crate::identity::email::change::ChangeEmailError;
use crate::identity::email::proof::VerifyEmailError;
use crate::identity::email::verification::SendVerificationError;
use crate::identity::one_time::secret::LinkSecret;

/// An answer that is a sentence.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct MessageBody {
    /// The result, as a sentence.
    #[schema(example = "a mail is on its way")]
    pub(super) msg: &'static str,
}

/// `202`: the message is sent after the answer.
pub(super) fn accepted(msg: &'static str) -> HttpResponse {
    HttpResponse::Accepted().json(MessageBody { msg })
}

/// `429` until the next message may be sent.
pub(super) fn cooldown_problem(cooldown: Cooldown, now: DateTime<Utc>) -> Problem {
    let detail = "One was sent a moment ago; please wait before you ask for another one.";
    let wait = (cooldown.until() - now).to_std().unwrap_or_default();
    Problem::new(ErrorCode::TooManyRequests, detail).with_retry_after(wait)
}

/// Sends the link that verifies the caller's address once more; the last three stay good until one is used.
#[utoipa::path(
    post,
    path = "/auth/email/verification",
    tag = "identity",
    responses(
        (status = 202, description = "A mail is on its way", body = MessageBody),
        (status = 409, description = "The address is verified", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "One was sent a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send_verification(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::SendEmailVerification)?;
    let (ctx, origin) = (state.ctx(actor.user_id), origin(&request, client));
    let sent = state.identity.send_verification(ctx, actor.user_id, origin).await;
    sent.map_err(|error| match error {
        SendVerificationError::Cooldown(until) => cooldown_problem(until, state.clock.now()),
        SendVerificationError::NotFound => Problem::not_found("user"),
        SendVerificationError::Verified => Problem::conflict("The address is verified already."),
        SendVerificationError::Store(error) => error.into(),
    })?;
    Ok(accepted("a mail is on its way"))
}

// It has no `Debug`: it holds a link's secret.
pub(super) struct VerifyEmailRequest(Option<LinkSecret>);

impl FromFields for VerifyEmailRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("token", token()).map(|text| Self(LinkSecret::parse(&text)))
    }
}

request_schema!(VerifyEmailRequest, "The last part of the link.");

/// Takes the token of a link that was sent to an address: the user's own, or the new one it asked for. A token is good once. Sent
/// with the access token of the account (for a new address: of the session that asked), it shows that the account's holder reads
/// the mail, and the first reset of the password leaves what the account holds; without, that reset removes it.
#[utoipa::path(
    post,
    path = "/auth/email/verify",
    tag = "identity",
    request_body = VerifyEmailRequest,
    responses(
        (status = 200, description = "The address is verified", body = MessageBody),
        (status = 401, description = "`invalid_token`: not ours, used, or expired", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The address is another user's by now", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn verify_email(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    actor: Result<Actor, Problem>,
    body: Body<VerifyEmailRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let Body(VerifyEmailRequest(token)) = body;
    // Without a token, or with a stale one, the link still verifies the address.
    let session = actor.ok().map(|actor| (actor.user_id, actor.session_id));
    state.identity.verify_email(state.ctx_anonymous(), token, session, origin(&request, client)).await?;
    Ok(HttpResponse::Ok().json(MessageBody { msg: "address verified" }))
}

impl From<VerifyEmailError> for Problem {
    fn from(error: VerifyEmailError) -> Self {
        match error {
            VerifyEmailError::Invalid => {
                Self::new(ErrorCode::InvalidToken, "The link is not valid, was used, or has expired.")
            }
            VerifyEmailError::Taken => Self::conflict("The address is another user's by now."),
            VerifyEmailError::Store(error) => error.into(),
        }
    }
}

pub(super) struct ChangeEmailRequest(Email);

impl FromFields for ChangeEmailRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("email", email().example("john.doe@example.org")).map(Self)
    }
}

request_schema!(ChangeEmailRequest);

/// Asks for another address; needs a fresh token. A link goes to the new address and is good for an hour, a notice to the
/// old one. Until the link comes back nothing changes. The answer is the same if the address is another user's.
#[utoipa::path(
    post,
    path = "/auth/email/change",
    tag = "identity",
    request_body = ChangeEmailRequest,
    responses(
        (status = 202, description = "A mail is on its way", body = MessageBody),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "One was asked for a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_email(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<ChangeEmailRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ChangeEmail)?;
    actor.require_fresh(state.clock.now())?;
    let Body(ChangeEmailRequest(email)) = body;
    let ctx = state.ctx(actor.user_id);
    let owner = (actor.user_id, actor.session_id);
    let requested = state.identity.change_email(ctx, owner, email, origin(&request, client)).await;
    requested.map_err(|error| match error {
        ChangeEmailError::Cooldown(until) => cooldown_problem(until, state.clock.now()),
        ChangeEmailError::NotFound => Problem::not_found("user"),
        ChangeEmailError::Same => fault("email", "is your address already"),
        ChangeEmailError::Store(error) => error.into(),
    })?;
    Ok(accepted("a mail is on its way"))
}
