//! Sessions: what one is worth at the moment, and how it goes on and ends.

pub mod cache;
pub mod logout;
pub(in crate::identity) mod own_sessions;
pub mod refresh;

use crate::domain::session::SessionId;
use crate::store::{self, Ctx, Db, StoreError};

/// Whether a session still counts. To be asked while the user's row is held: what ends sessions holds it too.
pub(in crate::identity) fn session_lives(db: &mut Db, ctx: &Ctx, session: SessionId) -> Result<bool, StoreError> {
    Ok(store::sessions::find(db, session)?.is_some_and(|session| session.check(ctx.now).is_ok()))
}
