//! The outcome of a login: a session, or a counted failure.

use shared_events::UserId;
use shared_events::events::{AccountLocked, LoginFailed, LoginSucceeded, SecurityFacts};

use crate::domain::role::is_staff;
use crate::domain::session::{Grant, MAX_PER_USER, Proof, Session, SessionId, SessionKey};
use crate::domain::user::{MAX_SHOWN_ACCOUNTS, User};
use crate::identity::devices::login_notices;
use crate::identity::facts::session_facts;
use crate::identity::login::throttle::{CountedOn, count_failure, remember_login};
use crate::identity::origin::Visit;
use crate::store::{self, Ctx, Db, Outcome, PendingEvent, StoreError};

/// A login with all its required factors.
pub struct OpenSession {
    /// The user as this transaction has read and locked it.
    pub user: User,
    pub proof: Proof,
    pub session_id: SessionId,
    pub key: SessionKey,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
    pub visit: Visit,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenSessionError {
    #[error("the user is blocked")]
    Blocked,
    #[error("the user is gone")]
    Gone,
    #[error("the credentials have changed since they were verified")]
    Outdated,
    #[error("the console is for staff, and the user is none")]
    NotStaff,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(OpenSessionError);

/// Opens a session. A user that was blocked or deleted since the password was checked gets none. Only [`super::challenge`]
/// calls it, after it has checked the second factor.
pub(in crate::identity) fn open_session(
    db: &mut Db,
    ctx: &Ctx,
    command: OpenSession,
) -> Result<Outcome<Grant>, OpenSessionError> {
    let OpenSession { user, proof, session_id, key, remote_addr, user_agent, visit } = command;
    if user.is_blocked {
        return Err(OpenSessionError::Blocked);
    }
    check_key(&user, &key)?;
    if !store::users::record_login(db, user.id, ctx.now)? {
        return Err(OpenSessionError::Gone);
    }
    make_room(db, ctx, user.id)?;
    let session = Session {
        id: session_id,
        user_id: user.id,
        proof,
        authenticated_on: ctx.now,
        created_on: ctx.now,
        last_used_on: ctx.now,
        expires_on: key.expiry(ctx.now),
        revoked_on: None,
        remote_addr: remote_addr.clone(),
        user_agent,
    };
    store::sessions::insert(db, &session)?;
    match &key {
        SessionKey::RefreshToken(hash) => store::refresh_tokens::insert(db, hash.as_str(), session.id, ctx.now)?,
        SessionKey::ConsoleCookie(hash) => store::console_sessions::insert(db, hash, session.id)?,
    }
    remember_login(db, ctx, &user, session.id, &visit)?;
    let facts = session_facts(user.id, session.id, remote_addr);
    let notices = login_notices(db, user.id)?;
    let outcome = Outcome::new(grant(db, user, &session, true)?).event(&LoginSucceeded(facts));
    Ok(outcome.events(notices.iter().map(PendingEvent::new)))
}

/// Refuses a session of the console to a user outside the staff.
pub(in crate::identity) fn check_key(user: &User, key: &SessionKey) -> Result<(), OpenSessionError> {
    match key {
        SessionKey::ConsoleCookie(_) if !is_staff(&user.roles) => Err(OpenSessionError::NotStaff),
        SessionKey::ConsoleCookie(_) | SessionKey::RefreshToken(_) => Ok(()),
    }
}

/// The claims of a session's tokens.
pub(in crate::identity) fn grant(db: &mut Db, user: User, session: &Session, fresh: bool) -> Result<Grant, StoreError> {
    Ok(Grant {
        user_id: user.id,
        session_id: session.id,
        holdings: store::users::holdings(db, user.id, MAX_SHOWN_ACCOUNTS)?,
        roles: user.roles,
        authenticated_on: session.authenticated_on,
        proof: session.proof,
        fresh,
    })
}

/// Ends the oldest sessions of a user that has too many.
fn make_room(db: &mut Db, ctx: &Ctx, user: UserId) -> Result<(), StoreError> {
    for session in store::sessions::beyond(db, user, ctx.now, MAX_PER_USER.saturating_sub(1))? {
        store::sessions::revoke(db, session, ctx.now)?;
    }
    Ok(())
}

/// Why a login was refused, for the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownAddress,
    WrongPassword,
    /// Refused unchecked: the user had too many failures a moment ago.
    SlowedDown,
    Blocked,
}

impl Refusal {
    fn detail(self) -> &'static str {
        match self {
            Self::UnknownAddress => "unknown address",
            Self::WrongPassword => "wrong password",
            Self::SlowedDown => "too many failures",
            Self::Blocked => "blocked",
        }
    }
}

#[derive(Debug, Clone)]
pub struct RefuseLogin {
    pub user_id: Option<UserId>,
    pub remote_addr: Option<String>,
    pub refusal: Refusal,
    /// The counter of the wrong password.
    pub counted_on: CountedOn,
}

/// Records a refused login; a wrong password is counted, also for an unknown address.
pub fn refuse_login(db: &mut Db, ctx: &Ctx, command: &RefuseLogin) -> Result<Outcome<()>, StoreError> {
    let counts = matches!(command.refusal, Refusal::WrongPassword | Refusal::UnknownAddress);
    let closed = counts && count_failure(db, ctx, &command.counted_on)?;
    let facts = SecurityFacts {
        user_id: command.user_id,
        session_id: None,
        remote_addr: command.remote_addr.clone(),
        detail: Some(command.refusal.detail().to_owned()),
    };
    let outcome = Outcome::new(()).event(&LoginFailed(facts.clone()));
    if !closed {
        return Ok(outcome);
    }
    let detail = Some("closed to unknown networks for a day".to_owned());
    Ok(outcome.event(&AccountLocked(SecurityFacts { detail, ..facts })))
}
