//! The answers of the console, whichever handler made them: errors as pages, the policy of what a page may load, and the forms that
//! htmx understands.

use std::borrow::Cow;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentType, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::http::server::request_id;

use super::error::ConsoleError;
use super::page::plain_page;
use super::{place, site};

pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Under `no-referrer`, which other answers have, a browser sends `Origin: null` with a form, also to its own site (Fetch, "append a
/// request `Origin` header"), and no form would be taken. Other sites learn nothing under this one either.
const REFERRER: &str = "same-origin";
/// Every 401 names a scheme (RFC 9110, 11.6.1); browsers show the page.
const CHALLENGE: &str = "Cookie realm=\"console\"";
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// The middleware of `/console`. A header that a handler has set stays.
pub(super) async fn dress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let (request, response) = response.into_parts();
    let mut response = answer(&request, response);
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if is_unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    let defaults = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, REFERRER)];
    for (name, value) in defaults {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(ServiceResponse::new(request, response))
}

fn answer(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    let is_part = request.headers().contains_key(HX_REQUEST);
    if let Some(error) = error_of(&response) {
        return of_error(request, is_part, &error, &response);
    }
    let is_redirect = is_part && response.status() == StatusCode::SEE_OTHER;
    match response.headers().get(LOCATION).filter(|_| is_redirect).cloned() {
        Some(to) => followed_by_htmx(&response, to),
        None => response,
    }
}

/// The same redirect for htmx. The browser would follow the other one within the request, and htmx would put a page into a part of
/// one.
fn followed_by_htmx(response: &HttpResponse, to: HeaderValue) -> HttpResponse {
    let mut part = HttpResponse::Ok();
    part.insert_header((HX_REDIRECT, to));
    for cookie in response.headers().get_all(SET_COOKIE) {
        part.append_header((SET_COOKIE, cookie.clone()));
    }
    part.finish()
}

/// The error that an answer was made of: one of ours, an API's, or the framework's.
fn error_of(response: &HttpResponse) -> Option<ConsoleError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(error) = response.error() {
        if let Some(error) = error.as_error::<ConsoleError>() {
            return Some(error.duplicate());
        }
        if let Some(problem) = error.as_error::<Problem>() {
            return Some(ConsoleError::Problem(problem.clone()));
        }
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if response.error().is_none() && kind.starts_with("text/html") {
        return None;
    }
    let code = ErrorCode::from_status(status);
    Some(ConsoleError::Problem(Problem::new(code, sentence(code))))
}

fn sentence(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::NotFound => "There is no such page of the console.",
        ErrorCode::MethodNotAllowed => "This page is not sent that way.",
        ErrorCode::PayloadTooLarge => "The form is too large.",
        ErrorCode::MalformedRequest => "The address or the form cannot be read.",
        other => other.title(),
    }
}

fn of_error(request: &HttpRequest, is_part: bool, error: &ConsoleError, old: &HttpResponse) -> HttpResponse {
    let is_read = request.method().is_safe();
    let login = || place::with_next("/console/login", &place::of(request));
    match error {
        ConsoleError::LoginRequired if is_part => redirected_part(&login()),
        ConsoleError::LoginRequired if is_read => see_other(&login()),
        ConsoleError::ConfirmRequired { back } if is_part => {
            redirected_part(&place::with_next("/console/confirm", back))
        }
        ConsoleError::ConfirmRequired { back } => see_other(&place::with_next("/console/confirm", back)),
        error => page_of(request, error, old),
    }
}

fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

/// For htmx, which swaps nothing for a 401 and follows the header.
fn redirected_part(to: &str) -> HttpResponse {
    // With a type: the server puts a problem in the place of a bare error.
    HttpResponse::Unauthorized().insert_header((HX_REDIRECT, to)).content_type(ContentType::html()).body("")
}

/// The variables of `error.html`.
#[derive(Serialize)]
struct ErrorPage<'a> {
    cause: &'a str,
    fix: Cow<'static, str>,
    faults: Vec<(String, String)>,
    back: &'static str,
    back_label: &'static str,
    code: &'static str,
    request_id: Option<String>,
}

fn page_of(request: &HttpRequest, error: &ConsoleError, old: &HttpResponse) -> HttpResponse {
    let problem = error.problem();
    let code = problem.code();
    let is_anonymous = matches!(error, ConsoleError::LoginRequired | ConsoleError::ForStaff);
    let (back, back_label) =
        if is_anonymous { ("/console/login", "Log in") } else { ("/console", "Back to the console") };
    let title = if matches!(error, ConsoleError::ForStaff) { "For staff" } else { code.title() };
    let page = ErrorPage {
        cause: problem.detail(),
        fix: match site::other_address(request) {
            Some(address) if matches!(error, ConsoleError::Foreign) => {
                format!("Nothing was changed. The console is at {address}.").into()
            }
            _ => fix(error, code).into(),
        },
        faults: error.faults(),
        back,
        back_label,
        code: code.as_str(),
        request_id: request_id(),
    };
    let mut response = plain_page(code.status(), title, "error.html", page).unwrap_or_else(|error| {
        tracing::error!(%error, "the page of an error cannot be rendered");
        HttpResponse::InternalServerError()
            .content_type(ContentType::html())
            .body("<!doctype html><title>Internal error</title>")
    });
    let headers = response.headers_mut();
    if let Some(after) = problem.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().saturating_add(1)));
    }
    if let Some(allow) = old.headers().get(ALLOW) {
        headers.insert(ALLOW, allow.clone());
    }
    response
}

fn fix(error: &ConsoleError, code: ErrorCode) -> &'static str {
    match error {
        ConsoleError::LoginRequired => "The session has ended, or there was none. Log in, then send the form again.",
        ConsoleError::ForStaff => "Ask an administrator for the role, or use the API with your own account.",
        ConsoleError::Foreign => "Nothing was changed.",
        _ => match code {
            ErrorCode::NotFound => "It may have been deleted. Look for it in the list that it was in.",
            ErrorCode::AccessDenied => "Your roles do not include this. An administrator can change them.",
            ErrorCode::PreconditionFailed | ErrorCode::Conflict => "Open the page again: it shows the present state.",
            ErrorCode::TooManyRequests | ErrorCode::Overloaded | ErrorCode::Unavailable => {
                "Wait a moment, then try again."
            }
            ErrorCode::InternalError => "The log has the cause under the request's id.",
            _ => "Go back, correct it and send it again.",
        },
    }
}
