//! CORS: the origins whose pages may read answers, and the headers that they get.
//!
//! Only exact origins count, and none unless they are configured. Credentials are never allowed: cookies are for our own
//! pages, and pages of other origins send a token. Health and metrics are not for pages.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use clap::Args;
use url::Url;

use crate::config::Faults;

/// More origins than any installation has pages.
const MAX_ORIGINS: usize = 50;
const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, \
                               X-Client-Version, X-Device-Token, X-Request-Id";
/// The headers of our answers that a client needs and that a browser keeps from it by default.
const EXPOSED: &str = "Allow, Content-Disposition, ETag, Link, Location, Retry-After, WWW-Authenticate, X-Request-Id";
/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: &str = "600";
const EXPECTED: &str = "origins separated by commas, such as https://app.example,http://localhost:5173";

/// `CORS_ORIGINS`: the same for every service.
#[derive(Debug, Clone, Default, Args)]
pub struct CorsOptions {
    /// Origins whose pages may call this service from a browser, separated by commas
    #[arg(long, env = "CORS_ORIGINS", default_value = "", value_name = "LIST", global = true)]
    pub cors_origins: String,
}

impl CorsOptions {
    /// The origins; what is none is noted.
    pub fn check(&self, faults: &mut Faults) -> Origins {
        let given = self.cors_origins.split(',').map(str::trim).filter(|text| !text.is_empty());
        let origins: Option<Vec<String>> = given.map(origin).collect();
        let origins = origins.filter(|origins| origins.len() <= MAX_ORIGINS).ok_or(());
        Origins(faults.check("CORS_ORIGINS", EXPECTED, origins).unwrap_or_default())
    }
}

/// A scheme, a host and perhaps a port, as a browser writes them; nothing else, so neither `*` nor `null`.
fn origin(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        || authority.contains(['/', '?', '#', '@', '\\', '*'])
    {
        return None;
    }
    let origin = Url::parse(text).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// The origins whose pages may read answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// The request's origin, if it is one of these.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let given = headers.get(header::ORIGIN)?;
        self.0.iter().any(|origin| origin.as_bytes() == given.as_bytes()).then(|| given.clone())
    }

    /// The answer to a preflight of an allowed origin; `None` for every other request.
    pub(super) fn preflight(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight || self.allowed(request.headers()).is_none() {
            return None;
        }
        let mut answer = HttpResponse::NoContent();
        answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
        answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS));
        answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
        Some(answer.finish())
    }

    /// Adds what every answer says. Caches must keep answers apart by origin, whether this one came from a page or not.
    pub(super) fn apply(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        let vary = match headers.get(header::VARY).and_then(|vary| vary.to_str().ok()) {
            Some(vary) => {
                HeaderValue::try_from(format!("{vary}, Origin")).unwrap_or(HeaderValue::from_static("Origin"))
            }
            None => HeaderValue::from_static("Origin"),
        };
        headers.insert(header::VARY, vary);
        if !self.0.is_empty() {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str) -> Result<Vec<String>, String> {
        let mut faults = Faults::new();
        let Origins(origins) = CorsOptions { cors_origins: list.to_owned() }.check(&mut faults);
        faults.finish().map(|()| origins).map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_taken_as_a_browser_sends_them() {
        for (given, taken) in [
            ("", vec![]),
            (" , ", vec![]),
            ("https://app.example", vec!["https://app.example"]),
            ("HTTPS://App.Example:443, http://localhost:5173", vec!["https://app.example", "http://localhost:5173"]),
            ("http://[::1]:80,http://127.0.0.1:3000", vec!["http://[::1]", "http://127.0.0.1:3000"]),
            ("https://münchen.example", vec!["https://xn--mnchen-3ya.example"]),
        ] {
            assert_eq!(check(given).unwrap(), taken, "{given}");
        }
    }

    #[test]
    fn what_is_no_exact_origin_is_refused() {
        for given in [
            "*",
            "null",
            "https://*",
            "https://*.example",
            "app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?x",
            "https://app.example#x",
            "https://user@app.example",
            "https://",
            "https://a b.example",
            "file://host",
            "ftp://app.example",
            "https://ok.example,*",
        ] {
            assert!(check(given).is_err_and(|error| error.contains("CORS_ORIGINS")), "{given}");
        }
    }
}
