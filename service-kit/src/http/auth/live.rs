//! Callers of long requests, such as a stream or an export, whose token is checked again after admission.
//!
//! The token is kept, and never shown, so that it can be checked again while the answer is written: its key may be withdrawn,
//! its session end, its user be blocked or lose a role.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};

use super::extract::{authenticate, missing, token_of};
use super::{Claims, Verifier};
use crate::http::problem::Problem;
use crate::http::server::record_route;

/// A caller with a valid token that can be checked again.
pub struct LiveBearer {
    verifier: web::Data<Verifier>,
    token: SecretString,
    claims: Claims,
}

impl FromRequest for LiveBearer {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            record_route(&request);
            let token = token_of(&request)?.ok_or_else(|| missing(&request))?.to_owned();
            Self::authenticate(&request, token).await
        })
    }
}

impl LiveBearer {
    /// The caller of a token that did not come in the header.
    pub(crate) async fn authenticate(request: &HttpRequest, token: String) -> Result<Self, Problem> {
        record_route(request);
        let (verifier, claims) = authenticate(request, &token).await?;
        Ok(Self { verifier, token: token.into(), claims })
    }

    /// The token's claims at admission, with the roles that counted then.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Returns once the token does not count any more, or its claims are not `enough`. Checks both at the interval `every`,
    /// and when the token expires. While bank-service is unreachable, its answer of the last minutes counts, as for any read.
    pub async fn until_refused(&self, every: Duration, enough: impl Fn(&Claims) -> bool) {
        loop {
            tokio::time::sleep(every.min(self.verifier.left(&self.claims))).await;
            match self.recheck().await {
                Some(claims) if enough(&claims) => {}
                _ => return,
            }
        }
    }

    async fn recheck(&self) -> Option<Claims> {
        let claims = self.verifier.verify(self.token()).await.ok()?;
        // Expiry follows our own clock, without the leeway for other machines'.
        if self.verifier.left(&claims).is_zero() {
            return None;
        }
        self.verifier.current(self.token(), claims, true).await.ok()
    }
}
