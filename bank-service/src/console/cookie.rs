//! The cookie of a session of the console, and the token of its forms.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest, Sha256};

use crate::http::{AppState, cookie_value};
use crate::identity::OpaqueToken;

/// The prefix keeps other hosts and plain HTTP from setting it (RFC 6265bis, 4.1.3.2).
const OVER_TLS: &str = "__Host-console";
/// In development: a browser takes no `__Host-` cookie over HTTP.
const OVER_HTTP: &str = "console";
/// Separates the hash from the one that the session is found by.
const FORM_LABEL: &[u8] = b"form of the console\0";

/// The token of the request's cookie; none if it has not the form of ours.
pub(super) fn of(request: &HttpRequest, state: &AppState) -> Option<OpaqueToken> {
    let texts = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    texts.into_iter().find_map(|text| cookie_value(text, name(state))).and_then(OpaqueToken::parse)
}

/// The `Set-Cookie` of a new session. Without an age: it ends with the browser, or when the server ends the session.
pub(super) fn set(state: &AppState, token: &OpaqueToken) -> String {
    format!("{}={}; {}", name(state), token.expose(), attributes(state.is_over_tls()))
}

/// The `Set-Cookie` that removes it.
pub(super) fn clear(state: &AppState) -> String {
    format!("{}=; Max-Age=0; {}", name(state), attributes(state.is_over_tls()))
}

fn name(state: &AppState) -> &'static str {
    if state.is_over_tls() { OVER_TLS } else { OVER_HTTP }
}

/// The attributes of every cookie of the console; those of the prefix `__Host-` over TLS.
pub(super) fn attributes(is_over_tls: bool) -> &'static str {
    if is_over_tls { "Path=/; HttpOnly; SameSite=Strict; Secure" } else { "Path=/; HttpOnly; SameSite=Strict" }
}

/// The value that every form of a session carries: the SHA-256 of the cookie's secret under a label. A page of another site
/// cannot read the cookie, so it cannot make the value. It has no `Debug` and no `Display`.
pub(super) struct FormToken(String);

impl FormToken {
    pub(super) fn of(cookie: &OpaqueToken) -> Self {
        let hash = Sha256::new().chain_update(FORM_LABEL).chain_update(cookie.expose().as_bytes()).finalize();
        Self(hex::encode(hash))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, given: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), given.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_form_belongs_to_one_cookie_and_does_not_show_it() {
        let [one, two] = [OpaqueToken::generate(), OpaqueToken::generate()];
        let token = FormToken::of(&one);
        assert!(token.matches(FormToken::of(&one).expose()));
        for foreign in [FormToken::of(&two).expose(), "", one.expose(), one.hash().as_str()] {
            assert!(!token.matches(foreign), "{foreign:?}");
        }
    }
}
