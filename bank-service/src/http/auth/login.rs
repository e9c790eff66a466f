//! `POST /auth/login` and `POST /auth/refresh`.

use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective, SET_COOKIE, USER_AGENT};
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::fields::{Body, Fields, FromFields};
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::request_schema;

use super::credential_fields::{known_email, known_password, token};
use super::device;
use super::login_metrics::{LoginMethod, counted};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::http::idempotency::header_key;
use crate::identity::{LoginAttempt, LoginResult, Origin, TokenPair};

// It has no `Debug`: it holds a password.
pub(super) struct LoginRequest {
    email: Option<Email>,
    password: Option<Password>,
}

impl FromFields for LoginRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", known_email());
        let password = fields.required("password", known_password());
        Some(Self { email: email?, password: password? })
    }
}

request_schema!(LoginRequest);

/// Opens a session. The answer is the same for an unknown address, a wrong password and a login that is slowed down after too
/// many failures: those of the account in the client's network, and those of all unknown networks together. A login with the
/// device token of an earlier one is slowed down by neither.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "identity",
    request_body = LoginRequest,
    params(("X-Device-Token" = Option<String>, Header, description = "The `device_token` of an earlier login; browsers send the cookie")),
    responses(
        (status = 200, description = "Tokens of a new session", body = TokenPair,
            headers(("Set-Cookie" = String, description = "The device token, for browsers"))),
        (status = 401, description = "`invalid_credentials`; or `mfa_required`, with an `mfa_token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`: the password is right, and the user is blocked", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn log_in(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Body<LoginRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let Body(LoginRequest { email, password }) = body;
    let attempt = LoginAttempt { email, password, origin: origin(&request, client) };
    let result = state.identity.log_in(state.ctx_anonymous(), attempt).await.map_err(Problem::from);
    counted(&state, LoginMethod::Password, result.and_then(|result| login_response(&state, result)))
}

// It has no `Debug`: it holds a token.
pub(super) struct RefreshRequest(String);

impl FromFields for RefreshRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "The one that came with the login or the last refresh.";
        fields.required("refresh_token", token().described(about)).map(Self)
    }
}

request_schema!(RefreshRequest);

/// Spends a refresh token for new tokens. Each is good once. One that comes back within 30 seconds of its use is refused and
/// ends nothing; with the `Idempotency-Key` of the first request it gets the first answer again. Later, or once its successor
/// was used, it ends the session.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    operation_id = "refresh_tokens",
    tag = "identity",
    request_body = RefreshRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key, within 30 seconds, gets the first answer again")),
    responses(
        (status = 200, description = "New tokens of the same session; not fresh", body = TokenPair),
        (status = 401, description = "`invalid_token`, `token_spent`, `token_revoked` or `token_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many unknown or spent tokens from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn refresh(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Body<RefreshRequest>,
) -> Result<HttpResponse, Problem> {
    let Body(RefreshRequest(token)) = body;
    let (key, origin) = (header_key(&request)?, origin(&request, client));
    if !state.identity.is_spendable(&token).await? {
        state.limits.useless_refreshes.check(client.0)?;
    }
    Ok(tokens(&state, &state.identity.refresh(state.ctx_anonymous(), &token, key, origin).await?))
}

/// Where a request came from, and on which device.
pub(crate) fn origin(request: &HttpRequest, client: ClientAddr) -> Origin {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Origin::new(client.0, user_agent).on_device(device::token_of(request).as_ref())
}

/// The answer to a login: tokens, or the challenge of a user who has a second factor.
pub(super) fn login_response(state: &AppState, result: LoginResult) -> Result<HttpResponse, Problem> {
    let challenge = match result {
        LoginResult::Tokens(pair) => return Ok(tokens(state, &pair)),
        LoginResult::SecondFactor(challenge) => challenge,
    };
    let detail = "Send the second factor to /auth/login/mfa.";
    Err(Problem::new(ErrorCode::MfaRequired, detail)
        .with_header(CACHE_CONTROL.as_str(), "no-store")
        .with_extension("mfa_token", challenge.mfa_token.into())
        .with_extension("expires_in", challenge.expires_in.into()))
}

/// No cache may store tokens (RFC 6749, 5.1).
pub(super) fn tokens(state: &AppState, pair: &TokenPair) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(CacheControl(vec![CacheDirective::NoStore]));
    if let Some(token) = &pair.device_token {
        response.insert_header((SET_COOKIE, device::set_cookie(state, token)));
    }
    response.json(pair)
}
