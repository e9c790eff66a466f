//! Entity tags of items (RFC 9110, 8.8.3): strong ones, `"7"`, around what names one state of an item.
//!
//! A read with `If-None-Match` is answered 304 by the server if the answer's tag matches. A change with `If-Match` is applied
//! only to one of the states named there, else 412; a weak tag matches nothing (13.1.1), `*` matches any state.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// At most this many tags are read.
const MAX_TAGS: usize = 20;
/// Bytes of the SHA-256; enough to distinguish the states of one item.
const VERSION_BYTES: usize = 16;

/// Names the state of an item without a version number by its JSON. An item that cannot be serialized has no version and no
/// tag.
pub fn content_version<T: Serialize>(item: &T) -> Option<String> {
    let digest = Sha256::digest(serde_json::to_vec(item).ok()?);
    digest.get(..VERSION_BYTES).map(hex::encode)
}

/// The same answer with the tag of a version.
#[must_use]
pub fn tagged(mut response: HttpResponse, version: &str) -> HttpResponse {
    if let Ok(tag) = format!("\"{version}\"").try_into() {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// `200`: the bare item, with the tag of its content.
pub fn item<T: Serialize>(item: &T) -> HttpResponse {
    let response = HttpResponse::Ok().json(item);
    match content_version(item) {
        Some(version) => tagged(response, &version),
        None => response,
    }
}

/// The versions that `If-Match` allows a request to change; `None` if it names none, or `*`.
pub fn expected_versions(request: &HttpRequest) -> Result<Option<Vec<String>>, Problem> {
    let malformed = || Problem::malformed("If-Match must be * or a list of entity tags such as \"7\".");
    let mut versions = None;
    for header in request.headers().get_all(IF_MATCH) {
        let list = header.to_str().map_err(|_| malformed())?;
        if list.trim() == "*" {
            return Ok(None);
        }
        let versions = versions.get_or_insert_with(Vec::new);
        for tag in list.split(',').map(str::trim).take(MAX_TAGS) {
            let (strong, opaque) = tag.strip_prefix("W/").map_or((true, tag), |rest| (false, rest));
            let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
            if strong {
                versions.push(opaque.to_owned());
            }
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    fn of(header: &str) -> Result<Option<Vec<String>>, Problem> {
        expected_versions(&TestRequest::default().insert_header((IF_MATCH, header)).to_http_request())
    }

    #[test]
    fn if_match_names_versions() {
        let some = |versions: &[&str]| Some(versions.iter().map(|version| (*version).to_owned()).collect());
        assert_eq!(expected_versions(&TestRequest::default().to_http_request()).unwrap(), None);
        for (header, versions) in [
            ("*", None),
            ("\"7\"", some(&["7"])),
            ("\"6\", \"7\"", some(&["6", "7"])),
            ("W/\"7\"", some(&[])),
            ("\"\"", some(&[""])),
        ] {
            assert_eq!(of(header).unwrap(), versions, "{header}");
        }
        for bad in ["", "7", ",", "\"7", "7\"", "\"7\",", "w/\"7\""] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_item_is_tagged_by_its_content() {
        let tag = |value: serde_json::Value| item(&value).headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
        assert_eq!(tag(json!({"a": 1})), tag(json!({"a": 1})));
        assert_ne!(tag(json!({"a": 1})), tag(json!({"a": 2})));
        let tag = tag(json!({}));
        assert!(tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    }
}
