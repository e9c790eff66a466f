//! A refresh token is spent for its successor.
//!
//! One guarded UPDATE decides which request spends it. A token that comes back within [`REFRESH_GRACE`] of its use is a retry
//! after a lost answer, or a second tab: it is refused, and ends nothing; with the `Idempotency-Key` of the first request it
//! gets the first answer again. If the successor was spent already, or later, somebody else holds the token: the whole session
//! ends.

use shared_events::events::{RefreshTokenReused, RefreshTokenSpent, SecurityFacts};

use crate::domain::session::{Grant, SecondUse, Session, SessionEnd, SessionId, TokenHash, classify_second_use};
use crate::identity::facts::session_facts;
use crate::identity::login::session::grant;
use crate::store::refresh_tokens::{KeptAnswer, Use};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, Clone)]
pub struct RefreshSession {
    pub token_hash: TokenHash,
    pub successor: TokenHash,
    /// A keyed hash of the request's `Idempotency-Key`, if it has one.
    pub retry_key: Option<String>,
    pub remote_addr: Option<String>,
}

/// What became of a refresh. A refusal is a value and not an error, because what it leaves behind has to be committed.
pub enum Refreshed<A> {
    Granted(A),
    /// The first answer again, sealed.
    Repeated(Vec<u8>),
    /// No such token.
    Unknown,
    Expired,
    Revoked,
    Blocked,
    /// The token was spent a moment ago.
    Spent,
    /// The token was spent before; its session has ended with this.
    Reused(SessionId),
}

/// An answer to be given, and to be kept for a retry where one is expected.
pub type Answered<A> = (A, Option<Vec<u8>>);

/// Spends the token. `answer` makes the answer of a grant; it seals a copy if there is a `retry_key`.
pub fn refresh<A, E: From<StoreError>>(
    db: &mut Db,
    ctx: &Ctx,
    command: &RefreshSession,
    answer: impl Fn(&Grant) -> Result<Answered<A>, E>,
) -> Result<Outcome<Refreshed<A>>, E> {
    let Some(token) = store::refresh_tokens::find(db, command.token_hash.as_str())? else {
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
    let (token_hash, from) = (command.token_hash.as_str(), command.remote_addr.as_deref());
    if !store::refresh_tokens::spend(db, ctx, token_hash, from, &command.successor)? {
        return Ok(second_use(db, ctx, command, &session)?);
    }
    store::refresh_tokens::insert(db, command.successor.as_str(), session.id, ctx.now)?;
    store::sessions::touch(db, session.id, ctx.now)?;
    let (given, sealed) = answer(&grant(db, user, &session, false)?)?;
    if let Some((retry_key, sealed)) = command.retry_key.clone().zip(sealed) {
        store::refresh_tokens::keep_answer(db, ctx, token_hash, &KeptAnswer { retry_key, sealed })?;
    }
    Ok(Outcome::new(Refreshed::Granted(given)))
}

fn second_use<A>(
    db: &mut Db,
    ctx: &Ctx,
    command: &RefreshSession,
    session: &Session,
) -> Result<Outcome<Refreshed<A>>, StoreError> {
    // Read again: on engines that run transactions at the same time, it was spent after the first look at it.
    let token = store::refresh_tokens::find(db, command.token_hash.as_str())?;
    let first = token.and_then(|token| token.first_use).ok_or(StoreError::Corrupt { what: "a spent token's use" })?;
    if classify_second_use(ctx.now, first.used_on, first.successor_is_spent) == SecondUse::Retry {
        let repeated = repeated(command, &first);
        let spent = RefreshTokenSpent(facts(command, session, &first));
        return Ok(Outcome::new(repeated.map_or(Refreshed::Spent, Refreshed::Repeated)).event(&spent));
    }
    store::sessions::revoke(db, session.id, ctx.now)?;
    let reused = RefreshTokenReused(facts(command, session, &first));
    Ok(Outcome::new(Refreshed::Reused(session.id)).event(&reused))
}

/// The answer to the first use, if this is the same request once more.
fn repeated(command: &RefreshSession, first: &Use) -> Option<Vec<u8>> {
    let kept = first.answer.clone()?;
    (command.retry_key.as_deref() == Some(kept.retry_key.as_str())).then_some(kept.sealed)
}

/// The second use, and where the first one came from.
fn facts(command: &RefreshSession, session: &Session, first: &Use) -> SecurityFacts {
    let facts = session_facts(session.user_id, session.id, command.remote_addr.clone());
    let from = first.used_from.as_deref().unwrap_or("an unknown address");
    SecurityFacts { detail: Some(format!("first used from {from}")), ..facts }
}
