//! The one way to a session: every login ends here, whatever it began with.
//!
//! Who has a second factor gets a challenge instead of a session, decided in the same transaction. So a way to log in that is
//! added later cannot pass it by: nothing else opens sessions.

use shared_events::UserId;
use shared_events::events::PasswordRehashed;

use super::login::{OpenSession, OpenSessionError, open_session};
use super::user_facts;
use crate::domain::session::{FirstFactor, Grant, Proof, SessionId, TokenHash};
use crate::store::{self, Ctx, Db, Outcome};

/// The first factor was right. It has no `Debug`: it may hold password hashes.
pub struct Admit {
    pub user_id: UserId,
    pub first: FirstFactor,
    /// The session to open, unless a second factor is asked for.
    pub session_id: SessionId,
    pub refresh_token: TokenHash,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
    /// The hash that was checked and the one to keep instead.
    pub rehash: Option<(String, String)>,
}

/// What a right first factor is worth.
#[derive(Debug)]
pub enum Admitted {
    Session(Grant),
    /// Nothing yet: the second factor has to be given.
    SecondFactor,
}

pub fn admit(db: &mut Db, ctx: &Ctx, command: &Admit) -> Result<Outcome<Admitted>, OpenSessionError> {
    let user = store::users::find(db, command.user_id)?.ok_or(OpenSessionError::Gone)?;
    if user.is_blocked {
        return Err(OpenSessionError::Blocked);
    }
    let session = OpenSession {
        user_id: command.user_id,
        proof: Proof { first: command.first, second: false },
        session_id: command.session_id,
        refresh_token: command.refresh_token.clone(),
        remote_addr: command.remote_addr.clone(),
        user_agent: command.user_agent.clone(),
    };
    let outcome = open_session(db, ctx, &session)?.map(Admitted::Session);
    rehash(db, outcome, command)
}

/// A right password is kept under today's parameters, also if a second factor is still to come.
fn rehash(db: &mut Db, outcome: Outcome<Admitted>, command: &Admit) -> Result<Outcome<Admitted>, OpenSessionError> {
    match &command.rehash {
        Some((old, new)) if store::users::replace_password_hash(db, command.user_id, old, new)? => {
            Ok(outcome.event(&PasswordRehashed(user_facts(command.user_id, None))))
        }
        _ => Ok(outcome),
    }
}
