//! The pages that links in mails open. They are for people without a program of ours: plain HTML, no script, nothing from
//! elsewhere, nothing of the request in them.
//!
//! Opening a page does nothing: mail scanners and previews open every link. Only its button uses the link up.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::http::problem::Problem;
use service_kit::http::server::ClientAddr;
use sha2::{Digest, Sha256};

use super::login::origin;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::security::one_time::LinkSecret;
use crate::security::{NewPasswordError, ResetClaim, ResetError};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}\
    button,input{font:inherit;padding:.5rem 1rem}label{display:block;margin:1rem 0}";
const CONFIRM: &str = "<p>Please confirm that this e-mail address is yours, if it was you who gave it to us. \
    Otherwise close this page: nothing will change.</p><form method=\"post\"><button>Confirm my address</button></form>";
const CHOOSE: &str = "<form method=\"post\"><label>New password (8 to 128 characters)<br>\
    <input type=\"password\" name=\"password\" minlength=\"8\" maxlength=\"128\" autocomplete=\"new-password\" required></label>\
    <button>Set the password</button></form>";
const VOID: &str =
    "<p>This link is not valid: it was used, has expired, or a newer one was sent. Please ask for another one.</p>";

/// The path of a link; its last part is a secret, which never shows in a log: requests are logged by their pattern.
#[derive(serde::Deserialize)]
pub(super) struct LinkPath {
    token: String,
}

pub(super) fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    );
    let mut response = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        // HTTP wants it with every 401 (RFC 9110, 11.6.1); browsers show the page all the same.
        response.insert_header((WWW_AUTHENTICATE, "Bearer"));
    }
    response.insert_header((CONTENT_SECURITY_POLICY, policy)).content_type(ContentType::html()).body(html)
}

/// The page of a link that verifies an address.
#[utoipa::path(
    get,
    path = "/auth/email/verify/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "A page with a button", body = String, content_type = "text/html"))
)]
pub(super) async fn show_verification(_: web::Path<LinkPath>) -> HttpResponse {
    page(StatusCode::OK, "Confirm your e-mail address", CONFIRM)
}

/// The page's button: as `POST /auth/email/verify`.
#[utoipa::path(
    post,
    path = "/auth/email/verify/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    responses(
        (status = 200, description = "The address is verified", body = String, content_type = "text/html"),
        (status = 401, description = "The link is not ours, used, or expired", body = String, content_type = "text/html"),
        (status = 409, description = "The address is another user's by now", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries from this address", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn confirm_verification(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    path: web::Path<LinkPath>,
) -> Result<HttpResponse, Problem> {
    use crate::operations::identity::email::VerifyEmailError::Invalid;
    state.security.login_limit().check(client.0)?;
    let token = LinkSecret::parse(&path.token);
    match state.security.verify_email(state.ctx_anonymous(), token, origin(&request, client)).await {
        Ok(_) => Ok(page(StatusCode::OK, "Thank you", "<p>Your e-mail address is confirmed.</p>")),
        Err(Invalid) => Ok(page(StatusCode::UNAUTHORIZED, "Confirm your e-mail address", VOID)),
        Err(error) => Err(error.into()),
    }
}

/// The form of the page.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes a body, which `submit_reset` reads")]
pub(in crate::http) struct ResetForm {
    #[schema(example = "another horse, another staple", min_length = 8, max_length = 128)]
    password: String,
}

/// The page of a link that sets another password.
#[utoipa::path(
    get,
    path = "/auth/password/reset/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "A page with a form", body = String, content_type = "text/html"))
)]
pub(super) async fn show_reset(_: web::Path<LinkPath>) -> HttpResponse {
    page(StatusCode::OK, "Choose a new password", CHOOSE)
}

/// The page's form: as `POST /auth/password/reset`, with `password` as `application/x-www-form-urlencoded`.
#[utoipa::path(
    post,
    path = "/auth/password/reset/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    request_body(content = ResetForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The password is set", body = String, content_type = "text/html"),
        (status = 401, description = "The link is not ours, used, or expired", body = String, content_type = "text/html"),
        (status = 413, description = "The form is too large", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The password is too short, too long or too easy to guess", body = String, content_type = "text/html"),
        (status = 429, description = "Too many tries from this address", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn submit_reset(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    path: web::Path<LinkPath>,
    form: web::Bytes,
) -> Result<HttpResponse, Problem> {
    const TITLE: &str = "Choose a new password";
    state.security.login_limit().check(client.0)?;
    let again = |reason: &str| page(StatusCode::UNPROCESSABLE_ENTITY, TITLE, &format!("<p>It {reason}.</p>{CHOOSE}"));
    let given = url::form_urlencoded::parse(&form).find(|(name, _)| name == "password").map(|(_, value)| value);
    let password = match Password::parse(given.as_deref().unwrap_or_default()) {
        Ok(password) => password,
        Err(error) => return Ok(again(&error.to_string())),
    };
    let claim = ResetClaim::Link(LinkSecret::parse(&path.token));
    match state.security.reset_password(state.ctx_anonymous(), claim, password, origin(&request, client)).await {
        Ok(()) => Ok(page(StatusCode::OK, "Thank you", "<p>Your password is set. You can log in with it now.</p>")),
        Err(ResetError::Link) => Ok(page(StatusCode::UNAUTHORIZED, TITLE, VOID)),
        Err(ResetError::New(NewPasswordError::Refused(error))) => Ok(again(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}
