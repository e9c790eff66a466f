//! Errors that no handler made: unknown routes, wrong methods, extractors and the framework, as problems.
//!
//! An answer of 400 and up is replaced if it is bare, plain text or made from an error; an answer with a body of another
//! type was meant that way. `Allow` and the like are kept.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{Error, HttpResponse};

use crate::http::problem::{ErrorCode, Problem};

const KEPT: [header::HeaderName; 3] = [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE];

/// The same response, or a problem in its place.
pub(super) fn as_problem(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if !must_be_replaced(response.response()) {
        return response;
    }
    let (request, old) = response.into_parts();
    let mut new = problem_of(old.status()).response();
    keep_headers(old.headers(), new.headers_mut());
    ServiceResponse::new(request, new)
}

/// The problem of an error that came up without a response.
pub(super) fn from_error(error: &Error) -> HttpResponse {
    let response = error.error_response();
    if !must_be_replaced(&response) {
        return response;
    }
    let mut new = problem_of(response.status()).response();
    keep_headers(response.headers(), new.headers_mut());
    new
}

fn must_be_replaced(response: &HttpResponse) -> bool {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return false;
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type {
        None => true,
        Some(kind) if kind.starts_with("application/problem+json") => false,
        Some(kind) => kind.starts_with("text/plain") || response.error().is_some(),
    }
}

fn keep_headers(old: &HeaderMap, new: &mut HeaderMap) {
    for name in KEPT {
        if let Some(value) = old.get(&name) {
            new.insert(name, value.clone());
        }
    }
    // HEAD is allowed wherever GET is, which the router does not know.
    if let Some(methods) = new.get(header::ALLOW).and_then(|methods| methods.to_str().ok())
        && methods.split(',').any(|method| method.trim() == "GET")
        && let Ok(methods) = HeaderValue::try_from(format!("{methods}, HEAD"))
    {
        new.insert(header::ALLOW, methods);
    }
}

fn problem_of(status: StatusCode) -> Problem {
    let code = ErrorCode::from_status(status);
    let detail = match code {
        ErrorCode::NotFound => "There is no such route; /docs lists those there are.",
        ErrorCode::MethodNotAllowed => "This path does not take that method; see Allow.",
        ErrorCode::PayloadTooLarge => "The body is too large.",
        ErrorCode::UnsupportedMediaType => "The body must be JSON, sent with Content-Type: application/json.",
        ErrorCode::RequestTimeout => "The request did not arrive in time.",
        ErrorCode::InternalError => "Something went wrong on our side; the request_id finds it in our logs.",
        ErrorCode::MalformedRequest | ErrorCode::ValidationFailed => {
            "The request cannot be read; check its path, query and headers."
        }
        other => other.title(),
    };
    Problem::new(code, detail)
}
