//! Responses about one item: the envelopes with the item's `ETag`, which is its version, `"7"`, and `If-Match` of requests.
//!
//! A user changes without a new version, too: by a login, a second factor, the new name of a role. Its tag names the content
//! beside the version, `"7-0f3a…"`, so that no cache keeps what was; `If-Match` is about the version, so that a login of the user
//! does not stand in the way of an administrator.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, LOCATION};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::http::problem::Problem;
use service_kit::http::{envelope, etag};

use crate::domain::version::Expected;
use crate::store::Created;

/// `200`: the bare item.
pub(super) fn item<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    etag::tagged(HttpResponse::Ok().json(item), &version.to_string())
}

/// `200`: the item's current state, in its envelope.
pub(super) fn updated<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    etag::tagged(envelope::updated(item), &version.to_string())
}

/// `200`: the bare user, or whatever else changes without a new version.
pub(super) fn item_with_content<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    etag::tagged(HttpResponse::Ok().json(item), &version_and_content(item, version))
}

/// `200`: the same in its envelope.
pub(super) fn updated_with_content<T: Serialize>(item: &T, version: i64) -> HttpResponse {
    etag::tagged(envelope::updated(item), &version_and_content(item, version))
}

fn version_and_content<T: Serialize>(item: &T, version: i64) -> String {
    match etag::content_version(item) {
        Some(content) => format!("{version}-{content}"),
        None => version.to_string(),
    }
}

/// `201`: the response created with the item, or the one stored under its `Idempotency-Key`. The item's path is below `parent`.
pub(super) fn created(created: Created, parent: &str) -> HttpResponse {
    #[derive(serde::Deserialize)]
    struct Body {
        item: Item,
    }
    #[derive(serde::Deserialize)]
    struct Item {
        id: i64,
    }
    let mut response = HttpResponse::Created();
    if let Ok(Body { item: Item { id } }) = serde_json::from_str(&created.body) {
        response.insert_header((LOCATION, format!("{parent}/{id}")));
    }
    response.content_type(ContentType::json()).body(with_zones(created.body))
}

/// Puts the `Location` of an item that was created below `/v1` there, too, as the links of a list are.
pub(super) async fn locate_below_version<B>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::CREATED && response.request().path().starts_with("/v1/") {
        let path = response.headers().get(LOCATION).and_then(|path| path.to_str().ok());
        let below = path.and_then(|path| HeaderValue::from_str(&format!("/v1{path}")).ok());
        if let Some(below) = below {
            response.headers_mut().insert(LOCATION, below);
        }
    }
    Ok(response)
}

/// Responses are stored for 24 hours; those of a release that wrote dates without their zone get it here.
fn with_zones(body: String) -> String {
    const KEYS: [&str; 3] = ["\"registered_on\":\"", "\"blocked_on\":\"", "\"last_login_date\":\""];
    const LENGTH: usize = "2025-01-16T17:10:26".len();
    KEYS.iter().fold(body, |mut body, key| {
        let end = body.find(key).map(|start| start + key.len() + LENGTH);
        if let Some(end) = end.filter(|end| body.get(*end..).is_some_and(|rest| rest.starts_with('"'))) {
            body.insert(end, 'Z');
        }
        body
    })
}

/// The versions that the request expects. A tag that is no number matches no item.
pub(super) fn expected(request: &HttpRequest) -> Result<Expected, Problem> {
    expected_by(request, |tag| tag.parse().ok())
}

/// The same where tags name the content, too.
pub(super) fn expected_with_content(request: &HttpRequest) -> Result<Expected, Problem> {
    expected_by(request, |tag| tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok())
}

fn expected_by(request: &HttpRequest, version_of: impl Fn(&str) -> Option<i64>) -> Result<Expected, Problem> {
    let versions = etag::expected_versions(request)?;
    let numbers = |tags: Vec<String>| tags.iter().filter_map(|tag| version_of(tag)).collect();
    Ok(versions.map_or_else(Expected::any, |tags| Expected::one_of(numbers(tags))))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_MATCH;
    use actix_web::test::TestRequest;

    use super::*;

    fn of(header: &str) -> Result<Expected, Problem> {
        expected(&TestRequest::default().insert_header((IF_MATCH, header)).to_http_request())
    }

    #[test]
    fn kept_answers_get_the_zone_that_they_were_written_without() {
        let old = r#"{"msg":"item created","item":{"id":2,"blocked_on":null,"registered_on":"2025-01-16T17:10:26","name":"x"}}"#;
        let new = r#"{"msg":"item created","item":{"id":2,"blocked_on":null,"registered_on":"2025-01-16T17:10:26Z","name":"x"}}"#;
        assert_eq!(with_zones(old.to_owned()), new);
        assert_eq!(with_zones(new.to_owned()), new);
        assert_eq!(with_zones(r#"{"registered_on":""#.to_owned()), r#"{"registered_on":""#);
    }

    #[test]
    fn if_match_names_versions() {
        assert_eq!(expected(&TestRequest::default().to_http_request()).unwrap(), Expected::any());
        assert_eq!(of("*").unwrap(), Expected::any());
        assert_eq!(of("\"7\"").unwrap(), Expected::one_of(vec![7]));
        assert_eq!(of("\"6\", \"7\"").unwrap(), Expected::one_of(vec![6, 7]));
        assert_eq!(of("W/\"7\"").unwrap(), Expected::one_of(Vec::new()));
        assert_eq!(of("\"x\"").unwrap(), Expected::one_of(Vec::new()));
        assert_eq!(of("\"7-0f3a\"").unwrap(), Expected::one_of(Vec::new()));
        assert!(of("7").is_err());
    }

    #[test]
    fn a_tag_with_the_content_names_another_content_and_the_same_version() {
        let [one, other] = ["a", "b"].map(|item| version_and_content(&item, 7));
        assert_ne!(one, other);
        let request =
            |tag: &str| TestRequest::default().insert_header((IF_MATCH, format!("\"{tag}\""))).to_http_request();
        for tag in [&one, &other, "7"] {
            assert_eq!(expected_with_content(&request(tag)).unwrap(), Expected::one_of(vec![7]), "{tag}");
        }
        assert_eq!(expected_with_content(&request("x-7")).unwrap(), Expected::one_of(Vec::new()));
    }
}
