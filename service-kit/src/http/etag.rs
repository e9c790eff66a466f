//! Entity tags of items (RFC 9110, 8.8.3): strong ones, `"7"`, around what names one state of an item.
//!
//! A read with `If-None-Match` is answered 304 by the server if the answer's tag matches. A change with `If-Match` is applied
//! only to one of the states named there, else 412; a weak tag matches nothing (13.1.1), `*` matches any state.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// At most this many tags of a line are read.
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

/// A tag that a request names. Between its quotes, a comma is a part of it.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    is_strong: bool,
    pub(super) opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of a list, and what follows it.
    pub(super) fn split(list: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (is_strong, quoted) = list.strip_prefix(b"W/").map_or((true, list), |rest| (false, rest));
        let text = quoted.strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        let (opaque, rest) = (text.get(..end)?, text.get(end..)?);
        Some((Self { is_strong, opaque }, rest.strip_prefix(b"\"")?.trim_ascii_start()))
    }
}

/// The states that a line of `If-Match` or `If-None-Match` names.
pub(super) enum Condition<'a> {
    Any,
    Tags(Vec<Tag<'a>>),
}

impl<'a> Condition<'a> {
    /// `None` if the line is neither `*` nor a list of tags.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut list = line.trim_ascii();
        if list == b"*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        loop {
            let (tag, rest) = Tag::split(list)?;
            if tags.len() < MAX_TAGS {
                tags.push(tag);
            }
            if rest.is_empty() {
                return Some(Self::Tags(tags));
            }
            list = rest.strip_prefix(b",")?.trim_ascii_start();
        }
    }
}

/// The versions that `If-Match` allows a request to change; `None` if it names none, or `*`.
pub fn expected_versions(request: &HttpRequest) -> Result<Option<Vec<String>>, Problem> {
    let malformed = || Problem::malformed("If-Match must be * or a list of entity tags such as \"7\".");
    let mut versions: Option<Vec<String>> = None;
    for line in request.headers().get_all(IF_MATCH) {
        let Condition::Tags(tags) = Condition::parse(line.as_bytes()).ok_or_else(malformed)? else { return Ok(None) };
        let strong = tags.into_iter().filter(|tag| tag.is_strong);
        let named = strong.map(|tag| String::from_utf8_lossy(tag.opaque).into_owned());
        versions.get_or_insert_with(Vec::new).extend(named);
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
            ("\"a,b\"", some(&["a,b"])),
            (" \"a,b\" ,W/\"5,\",\"7\" ", some(&["a,b", "7"])),
            ("\"a,*,b\"", some(&["a,*,b"])),
        ] {
            assert_eq!(of(header).unwrap(), versions, "{header}");
        }
        for bad in ["", "7", ",", "\"7", "7\"", "\"7\",", "w/\"7\"", "\"6\" \"7\"", "*, \"7\"", "\"a,b"] {
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
