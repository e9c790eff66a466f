//! The pages that links in mails open. They are for users without a client program: plain HTML, no script, no external
//! resources, and no part of the request in them.
//!
//! Opening a page has no effect: mail scanners and previews open every link. Only its button uses the link.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::http::fields::require_form;
use service_kit::http::page::{STYLE, escape, html};
use service_kit::http::problem::Problem;
use service_kit::http::server::ClientAddr;
use sha2::{Digest, Sha256};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};

use super::login::origin;
use super::reset::another_password;
use crate::domain::email::Email;
use crate::http::AppState;
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::{NewPasswordError, ResetClaim, ResetError};

const CONFIRM: &str = "<p>Please confirm that this e-mail address is yours, if it was you who gave it to us. \
    Otherwise close this page: nothing will change.</p><form method=\"post\"><button>Confirm my address</button></form>";
const VOID: &str = "This link is not valid";
const WHY_VOID: &str = "<p>It was used, has expired, or is not complete. Where shall we send another one?</p>\
    <form method=\"post\"><label>Your e-mail address<br>\
    <input type=\"email\" name=\"email\" maxlength=\"254\" autocomplete=\"email\" required></label>\
    <button>Send me another link</button></form>";
const SENT: &str = "<p>If there is something to send to that address, a mail with another link is on its way.</p>";
const CONFIRMED: &str = "<p>Your e-mail address is confirmed already; there is nothing left to do.</p>";

/// The form for a password; under which name managers keep it, if the link is good.
fn choose(address: Option<&str>) -> String {
    let name = address.map(escape).unwrap_or_default();
    format!(
        "<form method=\"post\"><input type=\"text\" name=\"username\" value=\"{name}\" autocomplete=\"username\" readonly hidden>\
         <label>New password (8 to 128 characters)<br><input type=\"password\" name=\"password\" minlength=\"8\" \
         maxlength=\"128\" autocomplete=\"new-password\" required></label><button>Set the password</button></form>"
    )
}

/// The path of a link; its last part is a secret, which never shows in a log: requests are logged by their pattern.
#[derive(serde::Deserialize)]
pub(super) struct LinkPath {
    token: String,
}

pub(super) fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let html = html(title, &format!("<h1>{}</h1>{body}", escape(title)));
    let mut response = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        // Every 401 requires this header (RFC 9110, 11.6.1); browsers show the page regardless.
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
    responses((status = 200, description = "A page with a button, or that the address is confirmed already", body = String, content_type = "text/html"))
)]
pub(super) async fn show_verification(
    state: web::Data<AppState>,
    path: web::Path<LinkPath>,
) -> Result<HttpResponse, Problem> {
    match LinkSecret::parse(&path.token) {
        Some(token) if state.identity.is_confirmed(&token).await? => Ok(already_confirmed()),
        _ => Ok(page(StatusCode::OK, "Confirm your e-mail address", CONFIRM)),
    }
}

fn already_confirmed() -> HttpResponse {
    page(StatusCode::OK, "Already confirmed", CONFIRMED)
}

/// A page's form may be empty, as that of a button is.
fn check_form(request: &HttpRequest, form: &[u8]) -> Result<(), Problem> {
    if form.is_empty() { Ok(()) } else { require_form(request) }
}

/// The address that the form of a void link names; none if it is another form.
#[expect(clippy::option_option, reason = "no such form, a form without an address, a form with one")]
fn wants_another(form: &[u8]) -> Option<Option<Email>> {
    let (_, text) = url::form_urlencoded::parse(form).find(|(name, _)| name == "email")?;
    Some(Email::parse(&text).ok())
}

/// The page's button: as `POST /auth/email/verify`. With `email` in a form, as the page of a void link sends it, another link is
/// sent there instead, if it is the address of a user who has not verified it; the answer is always the same.
#[utoipa::path(
    post,
    path = "/auth/email/verify/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    responses(
        (status = 200, description = "The address is verified, now or by this link before", body = String, content_type = "text/html"),
        (status = 202, description = "If there is something to send to the address that was named, a mail is on its way", body = String, content_type = "text/html"),
        (status = 401, description = "The link is not ours, used, or expired", body = String, content_type = "text/html"),
        (status = 409, description = "The address is another user's by now", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The form is too large", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The body is no form", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries from this address", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn confirm_verification(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    path: web::Path<LinkPath>,
    form: web::Bytes,
) -> Result<HttpResponse, Problem> {
    use crate::identity::email::proof::VerifyEmailError::Invalid;
    check_form(&request, &form)?;
    if let Some(email) = wants_another(&form) {
        state.limits.forgotten_passwords.check(client.0)?;
        state.identity.send_verification_to(state.ctx_anonymous(), email, origin(&request, client)).await?;
        return Ok(page(StatusCode::ACCEPTED, "Look into your mail", SENT));
    }
    state.limits.logins.check(client.0)?;
    let token = LinkSecret::parse(&path.token);
    if let Some(token) = &token
        && state.identity.is_confirmed(token).await?
    {
        return Ok(already_confirmed());
    }
    match state.identity.verify_email(state.ctx_anonymous(), token, None, origin(&request, client)).await {
        Ok(_) => Ok(page(StatusCode::OK, "Thank you", "<p>Your e-mail address is confirmed.</p>")),
        Err(Invalid) => Ok(page(StatusCode::UNAUTHORIZED, VOID, WHY_VOID)),
        Err(error) => Err(error.into()),
    }
}

/// The form of the page. Other fields are passed over.
pub(in crate::http) struct ResetForm;

impl utoipa::PartialSchema for ResetForm {
    fn schema() -> RefOr<Schema> {
        let password = another_password().describe().into_schema();
        let form = ObjectBuilder::new().property("password", password).required("password");
        form.description(Some("The form of the page.")).into()
    }
}

impl utoipa::ToSchema for ResetForm {}

/// The page of a link that sets another password.
#[utoipa::path(
    get,
    path = "/auth/password/reset/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "A page with a form", body = String, content_type = "text/html"))
)]
pub(super) async fn show_reset(state: web::Data<AppState>, path: web::Path<LinkPath>) -> Result<HttpResponse, Problem> {
    let address = address_of(&state, LinkSecret::parse(&path.token)).await?;
    Ok(page(StatusCode::OK, "Choose a new password", &choose(address.as_deref())))
}

async fn address_of(state: &AppState, token: Option<LinkSecret>) -> Result<Option<String>, Problem> {
    match token {
        Some(token) => Ok(state.identity.address_of_reset(state.ctx_anonymous(), &token).await?),
        None => Ok(None),
    }
}

/// The page's form: as `POST /auth/password/reset`, with `password` as `application/x-www-form-urlencoded`. With `email` instead,
/// as the page of a void link sends it, as `POST /auth/password/forgot`.
#[utoipa::path(
    post,
    path = "/auth/password/reset/{token}",
    tag = "identity",
    params(("token" = String, Path, description = "The link's secret")),
    request_body(content = ResetForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The password is set", body = String, content_type = "text/html"),
        (status = 202, description = "If the address that was named is a user's, a mail is on its way", body = String, content_type = "text/html"),
        (status = 401, description = "The link is not ours, used, or expired", body = String, content_type = "text/html"),
        (status = 413, description = "The form is too large", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The body is no form", body = service_kit::http::problem::ProblemBody, content_type = "application/problem+json"),
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
    check_form(&request, &form)?;
    if let Some(email) = wants_another(&form) {
        state.limits.forgotten_passwords.check(client.0)?;
        state.identity.forgot_password(state.ctx_anonymous(), email, origin(&request, client)).await?;
        return Ok(page(StatusCode::ACCEPTED, "Look into your mail", SENT));
    }
    state.limits.logins.check(client.0)?;
    let address = address_of(&state, LinkSecret::parse(&path.token)).await?;
    let form_again = choose(address.as_deref());
    let again = |reason: &str| {
        let body = format!("<p>It {}.</p>{form_again}", escape(reason));
        page(StatusCode::UNPROCESSABLE_ENTITY, TITLE, &body)
    };
    let given = url::form_urlencoded::parse(&form).find(|(name, _)| name == "password").map(|(_, value)| value);
    let password = match another_password().read(&given.unwrap_or_default().into()) {
        Ok(password) => password,
        Err(fault) => return Ok(again(&fault)),
    };
    let claim = ResetClaim::Link(LinkSecret::parse(&path.token));
    match state.identity.reset_password(state.ctx_anonymous(), claim, password, origin(&request, client)).await {
        Ok(()) => Ok(page(StatusCode::OK, "Thank you", "<p>Your password is set. You can log in with it now.</p>")),
        Err(ResetError::Link) => Ok(page(StatusCode::UNAUTHORIZED, VOID, WHY_VOID)),
        Err(ResetError::New(NewPasswordError::Refused(error))) => Ok(again(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}
