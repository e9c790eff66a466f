//! Whether a page of this site sent a request.
//!
//! Three answers of the browser, none of which another site's page can choose: `Sec-Fetch-Site`, `Origin` and, where that is
//! missing, `Referer`. A request with neither of the latter two is refused.

use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER};
use actix_web::{HttpRequest, web};
use url::{Origin, Url};

use crate::http::AppState;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether it was sent by a page of this site: of `PUBLIC_URL`, or of the host that the request names, under the scheme of
/// `PUBLIC_URL`. A page of another host cannot set `Host`.
pub(super) fn sent(request: &HttpRequest) -> bool {
    let state = request.app_data::<web::Data<AppState>>();
    state.is_some_and(|state| is_own(request.headers(), &state.settings.public_url))
}

/// The console's address below `PUBLIC_URL`, where the page that sent the request is of another site: one that was opened by the
/// service's own address, say, or over HTTP.
pub(super) fn other_address(request: &HttpRequest) -> Option<String> {
    let public_url = &request.app_data::<web::Data<AppState>>()?.settings.public_url;
    let is_other = !is_own(request.headers(), public_url);
    is_other.then(|| format!("{}/console", public_url.origin().ascii_serialization()))
}

fn is_own(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text(&FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(from) = text(&ORIGIN).or_else(|| text(&REFERER)).and_then(|url| Url::parse(url).ok()) else {
        return false;
    };
    let from = from.origin();
    let is_host = |host| Url::parse(&format!("{}://{host}", public_url.scheme())).is_ok_and(|url| url.origin() == from);
    matches!(from, Origin::Tuple(..)) && (from == public_url.origin() || text(&HOST).is_some_and(is_host))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn is_taken(public_url: &str, given: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        is_own(&headers, &Url::parse(public_url).unwrap())
    }

    #[test]
    fn a_page_of_the_public_address_or_of_the_named_host_is_own() {
        let bank = "https://bank.example";
        assert!(is_taken(bank, &[("origin", bank), ("host", "10.0.0.1:5000"), ("sec-fetch-site", "same-origin")]));
        assert!(is_taken(bank, &[("referer", "https://bank.example/console/users?page=2")]));
        assert!(is_taken("http://127.0.0.1:5000", &[("origin", "http://localhost:5000"), ("host", "localhost:5000")]));
    }

    #[test]
    fn a_page_of_another_site_is_not_own() {
        let bank = "https://bank.example";
        for given in [
            &[("origin", "https://evil.example"), ("host", "bank.example")][..],
            &[("origin", "https://evil.example"), ("referer", "https://bank.example/console")],
            &[("origin", "null"), ("host", "bank.example")],
            &[("origin", "http://bank.example"), ("host", "bank.example")],
            &[("origin", "https://bank.example:8443"), ("host", "bank.example")],
            &[("origin", "https://bank.example.evil.example"), ("host", "bank.example")],
            &[("origin", "https://bank.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://bank.example"), ("sec-fetch-site", "same-site")],
            &[("origin", "")],
            &[("host", "bank.example")],
            &[],
        ] {
            assert!(!is_taken(bank, given), "{given:?}");
        }
    }
}
