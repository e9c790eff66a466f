//! A refresh token is spent for its successor.
//!
//! One guarded UPDATE decides who spends it. Whoever comes second is judged by when it arrived: before the first answer left
//! it is a race between two honest requests, and only refused; later it is reuse, and the whole session ends.

use chrono::{DateTime, Utc};
use shared_events::events::RefreshTokenReused;

use super::login::grant;
use super::session_facts;
use crate::domain::session::{Grant, SecondUse, Session, SessionEnd, SessionId, TokenHash, judge_second_use};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, Clone)]
pub struct RefreshSession {
    pub presented: TokenHash,
    pub successor: TokenHash,
    /// When the request arrived.
    pub arrived_on: DateTime<Utc>,
    /// It arrived while another use of the token was not answered yet, in this process.
    pub in_race: bool,
    pub remote_addr: Option<String>,
}

/// What became of a refresh. A refusal is a value and not an error, because what it leaves behind has to be committed.
#[derive(Debug)]
pub enum Refreshed {
    Granted(Grant),
    /// No such token, or it lost a race.
    Unknown,
    Expired,
    Revoked,
    Blocked,
    /// The token was spent before; its session has ended with this.
    Reused(SessionId),
}

/// `ctx.now` is when the transaction runs, not when the request arrived.
pub fn refresh(db: &mut Db, ctx: &Ctx, command: &RefreshSession) -> Result<Outcome<Refreshed>, StoreError> {
    let Some(token) = store::refresh_tokens::find(db, command.presented.as_str())? else {
        return Ok(Outcome::new(Refreshed::Unknown));
    };
    let session = store::sessions::find(db, token.session_id)?;
    let session = session.ok_or(StoreError::Corrupt { what: "a refresh token's session" })?;
    let user = store::users::find(db, session.user_id)?;
    let user = user.ok_or(StoreError::Corrupt { what: "a session's user" })?;
    if user.is_blocked {
        return Ok(Outcome::new(Refreshed::Blocked));
    }
    match session.check(ctx.now) {
        Err(SessionEnd::Revoked) => return Ok(Outcome::new(Refreshed::Revoked)),
        Err(SessionEnd::Expired) => return Ok(Outcome::new(Refreshed::Expired)),
        Ok(()) => {}
    }
    if !store::refresh_tokens::spend(db, command.presented.as_str(), ctx.now)? {
        return second_use(db, ctx, command, &session);
    }
    store::refresh_tokens::insert(db, command.successor.as_str(), session.id, ctx.now)?;
    store::sessions::touch(db, session.id, ctx.now)?;
    Ok(Outcome::new(Refreshed::Granted(grant(db, user, &session, false)?)))
}

fn second_use(
    db: &mut Db,
    ctx: &Ctx,
    command: &RefreshSession,
    session: &Session,
) -> Result<Outcome<Refreshed>, StoreError> {
    // Read again: on engines that run transactions at the same time, it was spent after we looked first.
    let token = store::refresh_tokens::find(db, command.presented.as_str())?;
    let used_on = token.and_then(|token| token.used_on).unwrap_or(ctx.now);
    if command.in_race || judge_second_use(command.arrived_on, used_on) == SecondUse::Race {
        return Ok(Outcome::new(Refreshed::Unknown));
    }
    store::sessions::revoke(db, session.id, ctx.now)?;
    let facts = session_facts(session.user_id, session.id, command.remote_addr.clone());
    Ok(Outcome::new(Refreshed::Reused(session.id)).event(&RefreshTokenReused(facts)))
}
