//! The headers of every response.
//!
//! An API answers data: nothing in it may run, be framed or be cached. Only the documentation pages may load their own
//! scripts and styles. A handler's own header wins.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::context::REQUEST_ID;

const STRICT: &str = "default-src 'none'; frame-ancestors 'none'";
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; font-src 'self'; base-uri 'self'; frame-ancestors 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) fn apply(headers: &mut HeaderMap, id: &HeaderValue, route: &str, https: bool) {
    headers.insert(REQUEST_ID, id.clone());
    let docs = route.strip_prefix("/v1").unwrap_or(route).starts_with("/docs");
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(header::CONTENT_SECURITY_POLICY, if docs { DOCS } else { STRICT });
    default(header::CACHE_CONTROL, if docs { "no-cache" } else { "no-store" });
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(RESOURCE_POLICY, "same-origin");
    if https {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
