//! Sessions: their present authority, their refresh and their end.

pub mod cache;
mod console;
pub mod logout;
pub(in crate::identity) mod own_sessions;
pub mod refresh;

use crate::domain::session::SessionId;
use crate::store::{self, Ctx, Db, StoreError};

/// Whether a session still counts. Call it while the user's row is locked: transactions that end sessions lock it too.
pub(in crate::identity) fn session_lives(db: &mut Db, ctx: &Ctx, session: SessionId) -> Result<bool, StoreError> {
    Ok(store::sessions::find(db, session)?.is_some_and(|session| session.check(ctx.now).is_ok()))
}
