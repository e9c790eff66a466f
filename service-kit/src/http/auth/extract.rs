//! The caller's token as an extractor.
//!
//! Missing: 401 on `/auth` paths and 403 elsewhere, as the HTTP contract has it. Bad: always 401. Needs
//! `web::Data<Verifier>`; without it the answer is 500, never a pass.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::{Claims, TokenError, Verifier};
use crate::http::problem::{ErrorCode, Problem};
use crate::http::server::{Caller, note_caller, note_route};

/// A caller with a valid token.
#[derive(Debug, Clone)]
pub struct Bearer(pub Claims);

/// A caller with a valid token, or without any. A bad token is refused here too.
#[derive(Debug, Clone)]
pub struct OptionalBearer(pub Option<Claims>);

impl FromRequest for Bearer {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { claims(&request).await?.map(Self).ok_or_else(|| missing(&request)) })
    }
}

impl FromRequest for OptionalBearer {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { claims(&request).await.map(Self) })
    }
}

fn missing(request: &HttpRequest) -> Problem {
    let path = request.path();
    let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    if path == "/auth" || path.starts_with("/auth/") {
        Problem::new(ErrorCode::AuthorizationRequired, "This route needs an access token; log in by POST /auth/login.")
    } else {
        Problem::new(
            ErrorCode::AccessDenied,
            "This needs an access token, and none was sent; log in by POST /auth/login.",
        )
    }
}

async fn claims(request: &HttpRequest) -> Result<Option<Claims>, Problem> {
    note_route(request);
    let invalid = || Problem::new(ErrorCode::InvalidToken, "The token is not valid; log in again.");
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(given) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(invalid());
    }
    let token = given.to_str().ok().and_then(bearer_token).ok_or_else(invalid)?;
    let Some(verifier) = request.app_data::<web::Data<Verifier>>() else {
        tracing::error!("a route asks for a token, and no verifier is set up");
        return Err(Problem::new(
            ErrorCode::InternalError,
            "Something went wrong on our side; the request_id finds it in our logs.",
        ));
    };
    match verifier.verify(token).await {
        Ok(claims) => {
            note_caller(Caller { user_id: claims.user_id });
            Ok(Some(claims))
        }
        Err(TokenError::Invalid) => Err(invalid()),
        Err(TokenError::Expired) => {
            Err(Problem::new(ErrorCode::TokenExpired, "The token has expired; refresh it, or log in again."))
        }
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
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer abc"), Some("abc"));
        for bad in ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", "Bearerabc"] {
            assert_eq!(bearer_token(bad), None, "{bad:?}");
        }
    }
}
