//! Answers about one item: the envelopes with the item's `ETag`, and `If-Match` of requests.
//!
//! An `ETag` is the item's version, `"7"`. A change with `If-Match` is applied to one of the versions named there only, else
//! 409; a weak tag matches nothing (RFC 9110, 13.1.1), `*` matches whatever is there.

use actix_web::http::header::{ContentType, ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::http::envelope;
use service_kit::http::problem::Problem;

use crate::domain::version::Expected;
use crate::store::Created;

/// How many tags are looked at.
const MAX_TAGS: usize = 20;

/// `200`: the bare item.
pub(super) fn item<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, tag(version))).json(item)
}

/// `200`: the item as it is now, in its envelope.
pub(super) fn updated<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    let mut response = envelope::updated(item);
    if let Ok(tag) = tag(version).try_into() {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// `201`: the answer that was made with the item, or the one that its `Idempotency-Key` was given before.
pub(super) fn created(created: Created) -> HttpResponse {
    HttpResponse::Created().content_type(ContentType::json()).body(created.body)
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The versions that the request means to change.
pub(super) fn expected(request: &HttpRequest) -> Result<Expected, Problem> {
    let malformed = || Problem::malformed("If-Match must be * or a list of entity tags such as \"7\".");
    let mut versions = Vec::new();
    let mut given = false;
    for header in request.headers().get_all(IF_MATCH) {
        given = true;
        let list = header.to_str().map_err(|_| malformed())?;
        if list.trim() == "*" {
            return Ok(Expected::any());
        }
        for tag in list.split(',').map(str::trim).take(MAX_TAGS) {
            let (strong, opaque) = tag.strip_prefix("W/").map_or((true, tag), |rest| (false, rest));
            let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
            versions.extend(opaque.parse::<i64>().ok().filter(|_| strong));
        }
    }
    Ok(if given { Expected::one_of(versions) } else { Expected::any() })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(header: &str) -> Result<Expected, Problem> {
        expected(&TestRequest::default().insert_header((IF_MATCH, header)).to_http_request())
    }

    #[test]
    fn if_match_names_versions() {
        assert_eq!(expected(&TestRequest::default().to_http_request()).unwrap(), Expected::any());
        assert_eq!(of("*").unwrap(), Expected::any());
        assert_eq!(of("\"7\"").unwrap(), Expected::one_of(vec![7]));
        assert_eq!(of("\"6\", \"7\"").unwrap(), Expected::one_of(vec![6, 7]));
        assert_eq!(of("W/\"7\"").unwrap(), Expected::one_of(Vec::new()));
        assert_eq!(of("\"x\"").unwrap(), Expected::one_of(Vec::new()));
        assert!(of("7").is_err());
    }
}
