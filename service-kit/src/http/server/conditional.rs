//! `If-None-Match`: if the client already has the content, the answer is 304 without a body (RFC 9110, 13.1.2).

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};

use crate::http::etag::{Condition, Tag};

/// The headers that a 304 keeps of the answer it replaces.
const KEPT: [header::HeaderName; 3] = [header::ETAG, header::CACHE_CONTROL, header::VARY];

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

/// Compared weakly: the content has to be the same, not its bytes. A line that is no list of tags names none.
fn names(headers: &HeaderMap, tag: &[u8]) -> bool {
    let Some((tag, _)) = Tag::split(tag) else { return false };
    let lines = headers.get_all(header::IF_NONE_MATCH);
    lines.filter_map(|line| Condition::parse(line.as_bytes())).any(|condition| match condition {
        Condition::Any => true,
        Condition::Tags(tags) => tags.iter().any(|given| given.opaque == tag.opaque),
    })
}
