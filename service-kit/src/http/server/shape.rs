//! Checks before routing: the form and encoding of the path, and whether the body is compressed.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri, Version};
use bytes::Bytes;

use super::access;
use crate::http::percent;
use crate::http::problem::{ErrorCode, Problem};

/// Removes one trailing slash, and turns HEAD into GET: everything after this sees one form of each route. Slashes that follow
/// each other are not merged, so such a path names nothing; health and metrics have one form.
pub(super) fn normalize(request: &mut ServiceRequest) {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let path = request.path();
    let Some(shorter) = path.strip_suffix('/') else { return };
    if shorter.is_empty() || shorter.ends_with('/') || access::is_probe(shorter) {
        return;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    // A part of a valid path and query is itself valid.
    let Ok(target) = PathAndQuery::from_maybe_shared(Bytes::from(target)) else { return };
    parts.path_and_query = Some(target);
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// Refuses a path that is not percent-encoded UTF-8: it is not an id that is unknown, but none at all.
pub(super) fn check_path(path: &str) -> Result<(), Problem> {
    if !path.contains('%') || percent::decode(path).is_some() {
        return Ok(());
    }
    Err(Problem::malformed("The path is not properly percent-encoded UTF-8."))
}

/// Refuses a compressed body: its size would be known only after decompression. A request without a body passes.
pub(super) fn check_encoding(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let is_plain = |value: &HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    // HTTP/2 need not announce a body.
    let may_have_body =
        length.map_or(version >= Version::HTTP_2 || headers.contains_key(header::TRANSFER_ENCODING), |n| n != b"0");
    if !may_have_body || headers.get_all(header::CONTENT_ENCODING).all(is_plain) {
        return Ok(());
    }
    let detail = "The body must not be compressed; send it without Content-Encoding.";
    Err(Problem::new(ErrorCode::UnsupportedMediaType, detail).with_header("Accept-Encoding", "identity"))
}
