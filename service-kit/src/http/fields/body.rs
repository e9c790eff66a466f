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
            check_media_type(&request)?;
            let time = request.app_data::<BodyTime>().map_or(READ_LIMIT, |time| time.0);
            let bytes = tokio::time::timeout(time, read(&request, payload)).await.map_err(|_| {
                Problem::new(ErrorCode::RequestTimeout, "The body did not arrive in time.")
                    .with_header("Connection", "close")
            })??;
            request.extensions_mut().insert(RawBody(bytes.clone()));
            Ok(Self(Fields::read_slice(&bytes)?))
        })
    }
}

fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json =
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json {
        Ok(())
    } else {
        Err(Problem::new(
            ErrorCode::UnsupportedMediaType,
            "The body must be JSON, sent with Content-Type: application/json.",
        ))
    }
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
