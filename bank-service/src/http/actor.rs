//! The caller of a request, with its current rights.
//!
//! The token only names a session; roles and block are read from the database (at most one second old, see
//! `identity::Sessions`). Missing token: 401 below `/auth`, 403 elsewhere. Bad token: 401. Blocked user: 403.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, Utc};
use service_kit::http::auth::{Bearer, Claims};
use service_kit::http::problem::{ErrorCode, Problem};
use shared_events::UserId;

use super::AppState;
use crate::domain::policy::{Action, Scope, decide};
use crate::domain::session::{FRESH_FOR, SessionId};
use crate::identity::Denied;

/// A user with a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) user_id: UserId,
    /// Sorted by name.
    pub(super) roles: Vec<String>,
    pub(super) session_id: SessionId,
    /// When the password was last given for this token; none if it comes from a refresh.
    pub(super) authenticated_on: Option<DateTime<Utc>>,
}

impl Actor {
    /// The scope in which the caller may do this; 403 if there is none.
    pub(super) fn may(&self, action: Action) -> Result<Scope, Problem> {
        decide(action, self.user_id, &self.roles).ok_or_else(Problem::access_denied)
    }

    /// Refuses a token whose password was given too long ago.
    pub(super) fn require_fresh(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        let is_fresh = self.authenticated_on.is_some_and(|authenticated_on| now - authenticated_on <= FRESH_FOR);
        if is_fresh {
            return Ok(());
        }
        let detail = "Give your password again (POST /auth/reauth or /auth/login) and use the new token.";
        Err(Problem::new(ErrorCode::FreshTokenRequired, detail))
    }
}

impl FromRequest for Actor {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bearer = Bearer::from_request(request, payload);
        let state = request.app_data::<web::Data<AppState>>().cloned();
        Box::pin(async move {
            let Bearer(claims) = bearer.await?;
            let state = state.ok_or_else(|| {
                Problem::new(
                    ErrorCode::InternalError,
                    "Something went wrong on our side; the request_id finds it in our logs.",
                )
            })?;
            identify(&state, &claims).await
        })
    }
}

async fn identify(state: &AppState, claims: &Claims) -> Result<Actor, Problem> {
    let invalid = || Problem::new(ErrorCode::InvalidToken, "The token is not valid; log in again.");
    // A service token names no session, and belongs to no user.
    let session_id: SessionId = claims.sid.as_deref().and_then(|sid| sid.parse().ok()).ok_or_else(invalid)?;
    let authority = state.identity.sessions().authority(session_id).await?;
    if claims.user_id != Some(authority.session.user_id.get()) {
        return Err(invalid());
    }
    let authenticated_on =
        claims.auth_time.filter(|_| claims.fresh).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Ok(Actor { user_id: authority.session.user_id, roles: authority.roles.clone(), session_id, authenticated_on })
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Revoked => Self::new(ErrorCode::TokenRevoked, "The session of this token has ended; log in again."),
            Denied::Expired => Self::new(ErrorCode::TokenExpired, "The session of this token is over; log in again."),
            Denied::Blocked => Self::new(ErrorCode::Blocked, "This account is blocked."),
            Denied::Store(error) => error.into(),
        }
    }
}
