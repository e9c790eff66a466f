//! Ending sessions: the own current one, one from the list, all of them.

use shared_events::UserId;
use shared_events::events::{LoggedOut, SecurityFacts, SessionsEnded};

use crate::domain::session::{Session, SessionId};
use crate::identity::email::mails::notice;
use crate::identity::facts::{session_facts, user_facts};
use crate::identity::users::credentials::{Cause, revoke_credentials};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    #[error("the user has no such session")]
    NotFound,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(EndSessionError);

/// Ends a live session of a user, and returns it. A foreign one is as if it did not exist. The record of it names an administrator
/// who was not its owner.
pub fn end_session(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    id: SessionId,
    remote_addr: Option<String>,
) -> Result<Outcome<Session>, EndSessionError> {
    let session = store::sessions::find(db, id)?.filter(|session| session.user_id == user);
    let session = session.filter(|session| session.check(ctx.now).is_ok()).ok_or(EndSessionError::NotFound)?;
    if !store::sessions::revoke(db, id, ctx.now)? {
        return Err(EndSessionError::NotFound);
    }
    let detail = (ctx.user_id != Some(user)).then(|| "by an administrator".to_owned());
    Ok(Outcome::new(session).event(&LoggedOut(SecurityFacts { detail, ..session_facts(user, id, remote_addr) })))
}

/// Ends all sessions of a user and everything pending; gives how many sessions ended.
pub fn end_all_sessions(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    remote_addr: Option<String>,
) -> Result<Outcome<usize>, StoreError> {
    let ended = revoke_credentials(db, ctx, user, Cause::Ended)?;
    let facts = SecurityFacts { remote_addr, ..user_facts(user, Some(format!("{ended} ended"))) };
    let outcome = Outcome::new(ended).event(&SessionsEnded(facts));
    let Some(user) = store::users::find(db, user)? else { return Ok(outcome) };
    let text = "All sessions of your account were ended. If that was not you, set another password.";
    Ok(outcome.events(notice(db, ctx, &user, "You were logged out everywhere", text)?))
}
