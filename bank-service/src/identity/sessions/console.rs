//! Sessions of the console: found by the cookie, moved on by requests.

use std::sync::Arc;

use chrono::TimeDelta;
use service_kit::http::auth::AuthError;

use crate::domain::session::{CONSOLE_RECORDED_EVERY, Grant, console_expiry};
use crate::domain::user::Holdings;
use crate::identity::IdentityService;
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::sessions::cache::Denied;
use crate::identity::tokens;
use crate::store::sessions::Authority;
use crate::store::{self, Ctx, Db, Outcome};

impl IdentityService {
    /// The authority of the session of a cookie. A request moves the session's end; it is recorded once a minute at most.
    pub async fn console_session(&self, ctx: &Ctx, cookie: &OpaqueToken) -> Result<Arc<Authority>, Denied> {
        let authority = self.watched_console_session(cookie).await?;
        let (id, created_on) = (authority.session.id, authority.session.created_on);
        let last_used_on = authority.session.last_used_on;
        if ctx.now - last_used_on >= CONSOLE_RECORDED_EVERY {
            let extend = move |db: &mut Db, ctx: &Ctx| {
                store::sessions::extend(db, id, ctx.now, console_expiry(created_on, ctx.now)).map(Outcome::new)
            };
            self.0.store.write(ctx, extend).await?;
            self.forget_session(id);
        }
        Ok(authority)
    }

    /// The same for what a browser opens by itself: the session's end stays where it is.
    pub async fn watched_console_session(&self, cookie: &OpaqueToken) -> Result<Arc<Authority>, Denied> {
        let hash = cookie.hash();
        let id = self.0.store.read(move |db| store::console_sessions::find(db, &hash)).await?;
        self.sessions().authority(id.ok_or(Denied::Revoked)?).await
    }

    /// A token of a session of the console, for the services to ask each other on the user's behalf. It names no accounts: the rights
    /// of staff do not depend on them.
    pub fn console_token(&self, authority: &Authority, lifetime: TimeDelta) -> Result<String, AuthError> {
        let session = &authority.session;
        let grant = Grant {
            user_id: session.user_id,
            session_id: session.id,
            roles: authority.roles.clone(),
            holdings: Holdings::default(),
            authenticated_on: session.authenticated_on,
            proof: session.proof,
            fresh: false,
        };
        tokens::console_token(&self.0.keys, &grant, self.0.clock.now(), lifetime)
    }
}
