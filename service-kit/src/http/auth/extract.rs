//! The caller's token as an extractor.
//!
//! Missing: 401 on `/auth` paths and 403 elsewhere, as the HTTP contract has it. Bad: always 401. Needs
//! `web::Data<Verifier>`; without it the answer is 500, never a pass.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::{Claims, TokenError, Verifier};
use crate::http::problem::{ErrorCode, Problem};
use crate::http::server::{Caller, record_caller, record_route};

const KEYS_RETRY_AFTER: Duration = Duration::from_secs(5);

/// A caller with a valid token.
#[derive(Debug, Clone)]
pub struct Bearer(pub Claims);

impl FromRequest for Bearer {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            record_route(&request);
            let token = token_of(&request)?.ok_or_else(|| missing(&request))?;
            authenticate(&request, token).await.map(|(_, claims)| Self(claims))
        })
    }
}

pub(super) fn missing(request: &HttpRequest) -> Problem {
    let path = request.path();
    let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    if path == "/auth" || path.starts_with("/auth/") {
        Problem::new(ErrorCode::AuthorizationRequired, "This route needs an access token; log in by POST /auth/login.")
    } else {
        Problem::new(
            ErrorCode::AccessDenied,
            "This needs an access token, and none was sent; log in by POST /auth/login.",
        )
        .with_header(header::WWW_AUTHENTICATE.as_str(), "Bearer")
    }
}

fn invalid() -> Problem {
    Problem::new(ErrorCode::InvalidToken, "The token is not valid; log in again.")
}

/// The token of the request's header, unchecked.
pub(super) fn token_of(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(given) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(invalid());
    }
    let token = given.to_str().ok().and_then(bearer_token).ok_or_else(|| {
        let detail = "Send the access token as Authorization: Bearer <token>; no other scheme is taken.";
        Problem::new(ErrorCode::InvalidToken, detail)
    })?;
    Ok(Some(token))
}

/// The claims of a token that is valid now, and the verifier that checked it.
pub(super) async fn authenticate(request: &HttpRequest, token: &str) -> Result<(web::Data<Verifier>, Claims), Problem> {
    let Some(verifier) = request.app_data::<web::Data<Verifier>>().cloned() else {
        tracing::error!("a route asks for a token, and no verifier is set up");
        return Err(Problem::new(
            ErrorCode::InternalError,
            "Something went wrong on our side; the request_id finds it in our logs.",
        ));
    };
    match verifier.verify(token).await {
        Ok(claims) => {
            let claims = verifier.current(token, claims, request.method().is_safe()).await?;
            record_caller(Caller { user_id: claims.user_id });
            Ok((verifier, claims))
        }
        Err(TokenError::Invalid) => Err(invalid()),
        Err(TokenError::Expired) => {
            Err(Problem::new(ErrorCode::TokenExpired, "The token has expired; refresh it, or log in again."))
        }
        Err(TokenError::KeysUnavailable(_)) => Err(Problem::new(
            ErrorCode::Unavailable,
            "bank-service, whose keys tokens are checked with, cannot be reached; ask again in a while.",
        )
        .with_retry_after(KEYS_RETRY_AFTER)),
    }
}

fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bearer_scheme_carries_a_token() {
        for good in ["Bearer abc", "bearer abc", "BEARER abc", "Bearer  abc", "Bearer abc "] {
            assert_eq!(bearer_token(good), Some("abc"), "{good:?}");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", "Bearerabc"] {
            assert_eq!(bearer_token(bad), None, "{bad:?}");
        }
    }
}
