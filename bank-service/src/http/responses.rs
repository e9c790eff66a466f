//! Responses about one item: the envelopes with the item's `ETag`, which is its version, `"7"`, and `If-Match` of requests.

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
    let versions = etag::expected_versions(request)?;
    let numbers = |tags: Vec<String>| tags.iter().filter_map(|tag| tag.parse().ok()).collect();
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
        assert!(of("7").is_err());
    }
}
