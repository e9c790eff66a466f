//! A member of staff with a live session of the console.
//!
//! The session is named by the cookie alone: an `Authorization` header is not read here, as the API reads no cookie.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::TimeDelta;
use futures_util::future::LocalBoxFuture;
use service_kit::http::problem::Problem;
use service_kit::http::server::{Caller, record_caller};
use shared_events::UserId;

use super::cookie::{self, FormToken};
use super::error::ConsoleError;
use crate::domain::policy::{Action, Scope, decide};
use crate::domain::role::is_staff;
use crate::domain::session::{FRESH_FOR, SessionId};
use crate::http::AppState;
use crate::identity::Denied;
use crate::store::sessions::Authority;

/// A manager or an administrator with a live session.
pub(super) struct Staff {
    pub(super) user_id: UserId,
    pub(super) email: String,
    /// Sorted by name.
    pub(super) roles: Vec<String>,
    pub(super) session_id: SessionId,
    /// Whether the password was given within the last minutes.
    pub(super) is_fresh: bool,
    /// The value that the session's forms carry.
    pub(super) token: FormToken,
    /// Whether browsers reach the console over TLS.
    pub(super) is_over_tls: bool,
    authority: Arc<Authority>,
}

impl Staff {
    /// The scope in which the user may do this; 403 if there is none.
    pub(super) fn may(&self, action: Action) -> Result<Scope, ConsoleError> {
        decide(action, self.user_id, &self.roles).ok_or_else(|| Problem::access_denied().into())
    }

    /// Refuses what the user may do with its own items only.
    pub(super) fn may_all(&self, action: Action) -> Result<(), ConsoleError> {
        if self.can(action) { Ok(()) } else { Err(Problem::access_denied().into()) }
    }

    /// Whether the user may do this with every item, of any owner.
    pub(super) fn can(&self, action: Action) -> bool {
        decide(action, self.user_id, &self.roles) == Some(Scope::All)
    }

    /// Asks for the password first if it was given too long ago. `back` is the path of the console to return to afterwards.
    pub(super) fn require_fresh(&self, back: impl Into<String>) -> Result<(), ConsoleError> {
        if self.is_fresh { Ok(()) } else { Err(ConsoleError::ConfirmRequired { back: back.into() }) }
    }

    /// A token of this session, to ask log-service and email-service on the user's behalf. It never leaves the services.
    pub(super) fn access_token(&self, state: &AppState, lifetime: TimeDelta) -> Result<String, ConsoleError> {
        let token = state.identity.console_token(&self.authority, lifetime);
        token.map_err(|error| Problem::internal(&error).into())
    }
}

impl FromRequest for Staff {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request, true).await })
    }
}

/// The reader of a stream. A browser opens a stream that broke off again by itself, which keeps no idle session alive.
pub(super) struct Watcher(pub(super) Staff);

impl FromRequest for Watcher {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request, false).await.map(Self) })
    }
}

/// `moves_end`: whether the request counts as a use of the session.
async fn identify(request: &HttpRequest, moves_end: bool) -> Result<Staff, ConsoleError> {
    let state = request.app_data::<web::Data<AppState>>().ok_or(ConsoleError::LoginRequired)?;
    let cookie = cookie::of(request, state).ok_or(ConsoleError::LoginRequired)?;
    let live = if moves_end {
        state.identity.console_session(&state.ctx_anonymous(), &cookie).await
    } else {
        state.identity.watched_console_session(&cookie).await
    };
    let authority = live.map_err(|denied| match denied {
        Denied::Revoked | Denied::Expired | Denied::Blocked => ConsoleError::LoginRequired,
        Denied::Store(error) => error.into(),
    })?;
    let user_id = authority.session.user_id;
    record_caller(Caller { user_id: Some(user_id.get()) });
    if !is_staff(&authority.roles) {
        return Err(ConsoleError::ForStaff);
    }
    let is_fresh = state.clock.now() - authority.session.authenticated_on <= FRESH_FOR;
    Ok(Staff {
        user_id,
        email: authority.email.clone(),
        roles: authority.roles.clone(),
        session_id: authority.session.id,
        is_fresh,
        token: FormToken::of(&cookie),
        is_over_tls: state.is_over_tls(),
        authority,
    })
}
