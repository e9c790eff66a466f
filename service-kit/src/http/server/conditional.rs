//! `If-None-Match`: if the client already has the content, the answer is 304 without a body (RFC 9110, 13.1.2).

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};

/// The headers that a 304 keeps of the answer it replaces.
const KEPT: [header::HeaderName; 3] = [header::ETAG, header::CACHE_CONTROL, header::VARY];

/// At most this many tags are compared.
const MAX_TAGS: usize = 20;

/// The same answer, or 304 in its place if the request names its `ETag`. The method is GET, or HEAD answered as GET.
pub(super) fn not_modified(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let matches = response.status() == StatusCode::OK
        && response.headers().get(header::ETAG).is_some_and(|tag| names(response.request().headers(), tag.as_bytes()));
    if !matches {
        return response;
    }
    let (request, old) = response.into_parts();
    let mut new = HttpResponse::new(StatusCode::NOT_MODIFIED);
    for name in KEPT {
        if let Some(value) = old.headers().get(&name) {
            new.headers_mut().insert(name, value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

/// Compared weakly: the content has to be the same, not its bytes.
fn names(headers: &HeaderMap, tag: &[u8]) -> bool {
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    let lists = headers.get_all(header::IF_NONE_MATCH);
    lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b',')).take(MAX_TAGS).any(|given| {
        let given = given.trim_ascii();
        given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == tag
    })
}
