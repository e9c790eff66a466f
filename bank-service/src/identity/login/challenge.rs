//! Opens sessions: every kind of login ends in this module.
//!
//! A proof counts under the credentials that it was made under: the transaction holds the user's row and refuses a proof of
//! an older version, so that a change, a reset, a block or a logout everywhere ends the logins under way too.
//!
//! A user with a second factor gets a challenge instead of a session, decided in the same transaction. A way to log in that is
//! added later cannot bypass it: no other code opens sessions.

use shared_events::UserId;
use shared_events::events::PasswordRehashed;

use crate::domain::one_time::{Purpose, SecretHash};
use crate::domain::session::{FirstFactor, Grant, Proof, SessionId, SessionKey};
use crate::domain::user::{CredentialVersion, User};
use crate::identity::facts::user_facts;
use crate::identity::login::session::{OpenSession, OpenSessionError, check_key, open_session};
use crate::identity::one_time;
use crate::identity::origin::Visit;
use crate::identity::second_factor::verification::{Refused, SecondFactorInput, verify_second_factor};
use crate::store::one_time_secrets::NewSecret;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// A right first factor. It has no `Debug`: it may hold password hashes.
pub struct OpenLogin {
    pub user_id: UserId,
    pub first: FirstFactor,
    /// The credentials that it was proved under.
    pub credential_version: CredentialVersion,
    pub opening: Opening,
    /// The hash that was checked and its replacement.
    pub rehash: Option<(String, String)>,
}

/// The session or the challenge that a right first factor opens.
#[derive(Clone)]
pub struct Opening {
    /// The session to open, unless a second factor is asked for.
    pub session_id: SessionId,
    pub key: SessionKey,
    /// The hash of the challenge, used if a second factor is required.
    pub challenge: SecretHash,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
    pub visit: Visit,
}

/// The result of a right first factor.
#[derive(Debug)]
pub enum OpenedLogin {
    Session(Grant),
    /// No session yet: the second factor is required.
    SecondFactor,
}

pub fn open_login(db: &mut Db, ctx: &Ctx, command: &OpenLogin) -> Result<Outcome<OpenedLogin>, OpenSessionError> {
    let user = held(db, command.user_id)?;
    if user.is_blocked {
        return Err(OpenSessionError::Blocked);
    }
    if user.credentials != command.credential_version {
        return Err(OpenSessionError::Outdated);
    }
    check_key(&user, &command.opening.key)?;
    let proof = Proof { first: command.first, second: false };
    let outcome = if store::second_factors::is_active(db, user.id)? {
        challenge(db, ctx, command, proof)?
    } else {
        let Opening { session_id, key, remote_addr, user_agent, visit, .. } = command.opening.clone();
        let session = OpenSession { user, proof, session_id, key, remote_addr, user_agent, visit };
        open_session(db, ctx, session)?.map(OpenedLogin::Session)
    };
    rehash(db, outcome, command)
}

/// Locks the user's row: until this transaction ends, no other one opens a session for it or changes its factors.
fn held(db: &mut Db, id: UserId) -> Result<User, OpenSessionError> {
    store::users::hold(db, id)?.ok_or(OpenSessionError::Gone)
}

/// Stores a challenge whose subject is the proof so far.
fn challenge(db: &mut Db, ctx: &Ctx, command: &OpenLogin, proof: Proof) -> Result<Outcome<OpenedLogin>, StoreError> {
    let (purpose, user_id) = (Purpose::MfaChallenge, Some(command.user_id));
    let secret = NewSecret {
        purpose,
        user_id,
        subject: proof.to_text(),
        hash: command.opening.challenge.clone(),
        session_id: None,
        lifetime: Purpose::MfaChallenge.lifetime(),
    };
    match one_time::issue(db, ctx, &secret)? {
        Ok(()) => Ok(Outcome::new(OpenedLogin::SecondFactor)),
        // Challenges have no limit and no cooldown.
        Err(_) => Err(StoreError::Corrupt { what: "a challenge's cooldown" }),
    }
}

/// Stores a right password under today's parameters, also if a second factor is still required.
fn rehash(
    db: &mut Db,
    outcome: Outcome<OpenedLogin>,
    command: &OpenLogin,
) -> Result<Outcome<OpenedLogin>, OpenSessionError> {
    match &command.rehash {
        Some((old, new)) if store::users::replace_password_hash(db, command.user_id, old, new)? => {
            Ok(outcome.event(&PasswordRehashed(user_facts(command.user_id, None))))
        }
        _ => Ok(outcome),
    }
}

/// The second step of a login: a challenge with its second factor.
pub struct Complete {
    pub challenge: SecretHash,
    pub second_factor: SecondFactorInput,
    pub session_id: SessionId,
    pub key: SessionKey,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
    pub visit: Visit,
}

#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// Unknown, used, expired, out of tries; or its user has no second factor any more.
    #[error("there is no such challenge")]
    NoChallenge,
    #[error(transparent)]
    Session(OpenSessionError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(CompleteError);

impl From<OpenSessionError> for CompleteError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::Store(error) => Self::Store(error),
            error @ (OpenSessionError::Blocked
            | OpenSessionError::Gone
            | OpenSessionError::Outdated
            | OpenSessionError::NotStaff) => Self::Session(error),
        }
    }
}

/// Opens the session of a challenge. A wrong code costs one of its tries; a code that is refused unchecked, after too many
/// wrong ones, costs none.
pub fn complete(db: &mut Db, ctx: &Ctx, command: &Complete) -> Result<Outcome<Result<Grant, Refused>>, CompleteError> {
    let live = one_time::find(db, ctx, Purpose::MfaChallenge, &command.challenge)?.ok_or(CompleteError::NoChallenge)?;
    let user_id = live.user_id.ok_or(StoreError::Corrupt { what: "a challenge's user" })?;
    let first = Proof::parse(&live.subject).ok_or(StoreError::Corrupt { what: "a challenge's subject" })?;
    // Lock order: before the challenge, as in the transactions that void it.
    let user = held(db, user_id)?;
    let Outcome { value, events } =
        verify_second_factor(db, ctx, user_id, Some(&command.second_factor), command.remote_addr.as_deref())?;
    match value {
        Ok(true) => {}
        Ok(false) => return Err(CompleteError::NoChallenge),
        Err(refused) => {
            if refused == Refused::Wrong && !one_time::count_try(db, ctx, &live)? {
                return Err(CompleteError::NoChallenge);
            }
            return Ok(Outcome::new(Err(refused)).events(events));
        }
    }
    // If the challenge is gone, the code's step is rolled back too: both are spent or neither.
    if !one_time::consume(db, ctx, &live)? {
        return Err(CompleteError::NoChallenge);
    }
    let session = OpenSession {
        user,
        proof: Proof { second: true, ..first },
        session_id: command.session_id,
        key: command.key.clone(),
        remote_addr: command.remote_addr.clone(),
        user_agent: command.user_agent.clone(),
        visit: command.visit.clone(),
    };
    Ok(open_session(db, ctx, session)?.events(events).map(Ok))
}
