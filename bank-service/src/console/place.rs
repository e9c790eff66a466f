//! Paths of the console that a login or a password returns to. A path of any other site, or outside of the console, is not taken.

use actix_web::HttpRequest;

/// Where a login leads that named no other place.
pub(super) const START: &str = "/console";
const LONGEST: usize = 512;

/// The path and query of a request.
pub(super) fn of(request: &HttpRequest) -> String {
    match request.uri().path_and_query() {
        Some(place) => checked(place.as_str()).to_owned(),
        None => START.to_owned(),
    }
}

/// A link to `page` that comes back to `next` afterwards.
pub(super) fn with_next(page: &str, next: &str) -> String {
    match checked(next) {
        START => page.to_owned(),
        next => format!("{page}?next={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()),
    }
}

/// The place, if it is one of the console; otherwise its start. Pages of the login itself are none: they would not end. To a browser
/// `%2e` is a dot, also in `..` (WHATWG URL, "double-dot URL path segment"), so neither is taken.
pub(super) fn checked(place: &str) -> &str {
    let is_plain = place.len() <= LONGEST && place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = place.split(['?', '#']).next().unwrap_or_default();
    let is_below = path == START || path.starts_with("/console/");
    let of_login = ["/console/login", "/console/logout", "/console/confirm"];
    let is_login =
        of_login.iter().any(|one| path.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let leads_out = path.contains("//") || path.contains("/.") || path.to_ascii_lowercase().contains("%2e");
    if is_plain && is_below && !is_login && !leads_out { place } else { START }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_of_the_console_is_taken() {
        for good in ["/console", "/console/users?after=abc&x=1", "/console/flow/0190", "/console?x=1"] {
            assert_eq!(checked(good), good);
        }
        for bad in [
            "",
            "//evil.example/console",
            "https://evil.example/console",
            "/consolex",
            "/api/users",
            "/console/../api",
            "/console/%2e%2e/api",
            "/console/users/.%2E/%2E./auth/email/verify/x",
            "/console/%2E%2e/console/logout",
            "/console//evil.example",
            "/console/\\evil",
            "/console/a b",
            "/console/a\r\nSet-Cookie: x",
            "/console/login?next=/console/login",
            "/console/logout",
            "javascript:alert(1)",
        ] {
            assert_eq!(checked(bad), START, "{bad}");
        }
        assert_eq!(checked(&format!("/console/{}", "a".repeat(LONGEST))), START);
    }

    #[test]
    fn a_link_carries_the_place_as_one_value() {
        assert_eq!(
            with_next("/console/login", "/console/users?a=1&b=2"),
            "/console/login?next=%2Fconsole%2Fusers%3Fa%3D1%26b%3D2"
        );
        assert_eq!(with_next("/console/login", "//evil.example"), "/console/login");
    }
}
