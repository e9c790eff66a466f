//! Recognises the browser that began a login at a provider when it returns.
//!
//! The cookie is `HttpOnly` and `SameSite=Lax`, and lives as long as a state. So a page that sends a victim's browser here with a
//! code and state of its own cannot log it in (login CSRF, RFC 9700, 4.7). A browser is recognised at the start by
//! `Sec-Fetch-Site`, `Origin` or a cookie, which pages cannot suppress. A page of another origin cannot keep our cookie (CORS
//! without credentials): with a challenge it counts as a program. The end of a login reads no header but the cookie.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use actix_web::{FromRequest, HttpRequest};
use service_kit::http::problem::Problem;

use crate::domain::session::TokenHash;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::identity::OpaqueToken;

/// With this prefix no other host of the domain can set it; browsers accept it over TLS only.
const COOKIE_OVER_TLS: &str = "__Host-social_login";
const COOKIE_OVER_HTTP: &str = "social_login";

/// The caller, if the request has a token. A bad token is refused, and not treated as missing.
pub(super) struct MaybeActor(pub(super) Option<Actor>);

impl FromRequest for MaybeActor {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let given = request.headers().contains_key(AUTHORIZATION);
        let actor = given.then(|| Actor::from_request(request, payload));
        Box::pin(async move {
            Ok(Self(match actor {
                Some(actor) => Some(actor.await?),
                None => None,
            }))
        })
    }
}

/// The properties of the browser that sent a request.
pub(super) struct Browser {
    over_tls: bool,
    distinguishes_pages: bool,
    on_another_origin: bool,
    kept: Option<OpaqueToken>,
}

impl Browser {
    pub(super) fn of(request: &HttpRequest, state: &AppState) -> Self {
        let over_tls = state.is_over_tls();
        let headers = request.headers();
        let name = name(over_tls);
        let distinguishes_pages =
            ["sec-fetch-site", ORIGIN.as_str(), COOKIE.as_str()].iter().any(|name| headers.contains_key(*name));
        let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        let on_another_origin = matches!(site, Some("cross-site" | "same-site")) && !headers.contains_key(COOKIE);
        let kept = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok()).find_map(|text| cookie(text, name));
        Self { over_tls, distinguishes_pages, on_another_origin, kept: kept.and_then(OpaqueToken::parse) }
    }

    /// The token of the request's cookie.
    pub(super) fn kept(&self) -> Option<OpaqueToken> {
        self.kept.as_ref().and_then(|token| OpaqueToken::parse(token.expose()))
    }

    /// The hash of the cookie's token, if it sent one.
    pub(super) fn cookie_hash(&self) -> Option<TokenHash> {
        self.kept.as_ref().map(OpaqueToken::hash)
    }

    /// Whether it begins a login that only its cookie may complete.
    pub(super) fn begins(&self, has_challenge: bool) -> bool {
        self.distinguishes_pages && !(self.on_another_origin && has_challenge)
    }

    /// The `Set-Cookie` that identifies it later.
    pub(super) fn cookie(&self, token: &OpaqueToken, max_age: i64) -> String {
        let secure = if self.over_tls { "; Secure" } else { "" };
        let name = name(self.over_tls);
        format!("{name}={}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", token.expose())
    }
}

fn name(over_tls: bool) -> &'static str {
    if over_tls { COOKIE_OVER_TLS } else { COOKIE_OVER_HTTP }
}

/// The value of a cookie in a `Cookie` header.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(cookie("a=1; social_login=x; b=2", "social_login"), Some("x"));
        assert_eq!(cookie("social_login_2=y;social_login=x", "social_login"), Some("x"));
        assert_eq!(cookie("asocial_login=x", "social_login"), None);
    }
}
