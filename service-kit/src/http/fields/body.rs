//! The extractor of JSON bodies.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;

use super::{Fields, FromFields};
use crate::http::problem::{ErrorCode, Problem};
use crate::http::server::record_route;

const DEFAULT_LIMIT: usize = 64 * 1024;

/// How long a client may take to send its body; below the time limit of a request, so that the answer is the client's fault.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// The largest body of a route, in bytes: set as `app_data` of a scope or resource.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// How long a body may take; set as `app_data`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTime(pub(crate) Duration);

/// The bytes that [`Body`] was read from, or that could not be read; among the request's extensions afterwards.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// A request body, read and checked.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: FromFields + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        record_route(request);
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            require_json(&request)?;
            let time = request.app_data::<BodyTime>().map_or(READ_LIMIT, |time| time.0);
            let bytes = tokio::time::timeout(time, read(&request, payload)).await.map_err(|_| {
                Problem::new(ErrorCode::RequestTimeout, "The body did not arrive in time.")
                    .with_header("Connection", "close")
            })??;
            request.extensions_mut().insert(RawBody(bytes.clone()));
            let path = request.match_info().iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
            Ok(Self(Fields::read_below(path, &bytes)?))
        })
    }
}

/// Refuses a body whose media type is not that of JSON.
pub fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    let given = media_type(request);
    let is_json = given == "application/json" || (given.starts_with("application/") && given.ends_with("+json"));
    let detail = "The body must be JSON, sent with Content-Type: application/json.";
    if is_json { Ok(()) } else { Err(Problem::new(ErrorCode::UnsupportedMediaType, detail)) }
}

/// Refuses a body whose media type is not that of a page's form.
pub fn require_form(request: &HttpRequest) -> Result<(), Problem> {
    let detail = "The body must be a form, sent with Content-Type: application/x-www-form-urlencoded.";
    match media_type(request).as_str() {
        "application/x-www-form-urlencoded" => Ok(()),
        _ => Err(Problem::new(ErrorCode::UnsupportedMediaType, detail)),
    }
}

/// In small letters, without its parameters.
fn media_type(request: &HttpRequest) -> String {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Problem> {
    let limit = request
        .app_data::<BodyLimit>()
        .or_else(|| request.app_data::<web::Data<BodyLimit>>().map(web::Data::get_ref))
        .map_or(DEFAULT_LIMIT, |limit| limit.0);
    let too_large = || Problem::new(ErrorCode::PayloadTooLarge, format!("The body is larger than {limit} bytes."));
    if declared_length(request).is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| refuse(&error))?;
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn refuse(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::new(ErrorCode::PayloadTooLarge, "The body is too large."),
        _ => Problem::malformed("The body could not be read to its end."),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_form_is_no_json_and_json_is_no_form() {
        for (kind, is_json, is_form) in [
            ("application/json; charset=utf-8", true, false),
            ("application/merge-patch+json", true, false),
            ("application/x-www-form-urlencoded", false, true),
            ("Application/X-WWW-Form-Urlencoded;charset=UTF-8", false, true),
            ("multipart/form-data", false, false),
            ("", false, false),
        ] {
            let request = TestRequest::default().insert_header((header::CONTENT_TYPE, kind)).to_http_request();
            assert_eq!((require_json(&request).is_ok(), require_form(&request).is_ok()), (is_json, is_form), "{kind}");
        }
        let fault = require_form(&TestRequest::default().to_http_request()).unwrap_err();
        assert_eq!(fault.code(), ErrorCode::UnsupportedMediaType);
    }
}
