//! The device token of a login: by header for programs, by cookie for browsers.

use actix_web::http::header::COOKIE;
use actix_web::{HttpRequest, web};

use super::social_browser::cookie;
use crate::domain::throttle::KNOWN_FOR;
use crate::http::AppState;
use crate::identity::OpaqueToken;

pub(super) const HEADER: &str = "X-Device-Token";
const COOKIE_OVER_TLS: &str = "__Host-device";
const COOKIE_OVER_HTTP: &str = "device";

/// The token of a request; the header takes precedence over the cookie.
pub(super) fn token_of(request: &HttpRequest) -> Option<OpaqueToken> {
    let headers = request.headers();
    if let Some(header) = headers.get(HEADER) {
        return header.to_str().ok().and_then(OpaqueToken::parse);
    }
    let state = request.app_data::<web::Data<AppState>>()?;
    let name = name(state);
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    texts.into_iter().find_map(|text| cookie(text, name)).and_then(OpaqueToken::parse)
}

/// The `Set-Cookie` that identifies the device later.
pub(crate) fn set_cookie(state: &AppState, token: &str) -> String {
    let secure = if state.is_over_tls() { "; Secure" } else { "" };
    let (name, max_age) = (name(state), KNOWN_FOR.num_seconds());
    format!("{name}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

fn name(state: &AppState) -> &'static str {
    if state.is_over_tls() { COOKIE_OVER_TLS } else { COOKIE_OVER_HTTP }
}
