//! Setting a second factor up, and removing it.

use shared_events::UserId;
use shared_events::events::{MfaDisabled, MfaEnabled, RecoveryCodesMade, SecurityFacts, SessionsEnded};

use crate::domain::session::{Proof, SessionId, TokenHash};
use crate::domain::user::User;
use crate::domain::version::Expected;
use crate::identity::email::mails::notice;
use crate::identity::facts::{session_facts, user_facts};
use crate::identity::second_factor::verification::{
    Refused, SecondFactorInput, failure, try_otp, verify_second_factor,
};
use crate::identity::sessions::session_lives;
use crate::identity::users::credentials::{Cause, revoke_credentials};
use crate::store::second_factors::NewFactor;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum MfaError {
    #[error("a second factor is active already")]
    AlreadyActive,
    #[error("there is no such second factor")]
    NotFound,
    #[error("the user was changed meanwhile")]
    Stale,
    #[error("the session has ended meanwhile")]
    SessionEnded,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(MfaError);

/// The user, its session and its address.
#[derive(Debug, Clone)]
pub struct Owner {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub remote_addr: Option<String>,
}

/// Stores a new seed until its first code comes.
pub fn begin(db: &mut Db, ctx: &Ctx, new: &NewFactor) -> Result<Outcome<()>, MfaError> {
    if store::second_factors::begin(db, ctx, new)? { Ok(Outcome::new(())) } else { Err(MfaError::AlreadyActive) }
}

/// Gives out the sealed seed of a pending factor, once.
pub fn show_qr(db: &mut Db, ctx: &Ctx, user: UserId) -> Result<Outcome<Vec<u8>>, MfaError> {
    let factor = store::second_factors::find(db, user)?.ok_or(MfaError::NotFound)?;
    if !store::second_factors::show_qr(db, ctx, user, &factor.factor_id)? {
        return Err(MfaError::NotFound);
    }
    Ok(Outcome::new(factor.sealed_seed))
}

/// The first code of a pending factor.
pub struct Activate {
    pub owner: Owner,
    pub factor_id: String,
    /// The step that the code belongs to; none if it is wrong.
    pub step: Option<i64>,
    pub recovery_codes: Vec<TokenHash>,
}

/// Activates a pending factor by its first code, and ends every other session of the user, as those were opened without it;
/// gives how many.
pub fn activate(db: &mut Db, ctx: &Ctx, command: &Activate) -> Result<Outcome<Result<usize, Refused>>, MfaError> {
    let Activate { owner, factor_id, step, recovery_codes } = command;
    let user = owner.user_id;
    if let Err((refused, failures)) = try_otp(db, ctx, user, factor_id, *step)? {
        let events = failure(user, refused, failures, owner.remote_addr.as_deref());
        return Ok(Outcome::new(Err(refused)).events(events));
    }
    // A login without the factor at this moment is among the sessions that end; a later one needs the factor.
    let held = held(db, ctx, owner)?;
    if !store::second_factors::activate(db, ctx, user, factor_id)? {
        return Err(MfaError::NotFound);
    }
    store::second_factors::replace_codes(db, ctx, user, recovery_codes)?;
    let session = store::sessions::find(db, owner.session_id)?.ok_or(MfaError::SessionEnded)?;
    store::sessions::set_proof(db, session.id, Proof { second: true, ..session.proof })?;
    let ended = revoke_credentials(db, ctx, user, Cause::ChangedIn(session.id))?;
    let text = "Logins to your account ask for a code of your authenticator app from now on.";
    let mail = notice(db, ctx, &held, "Two-factor login is on", text)?;
    let facts = |detail| SecurityFacts { detail, ..facts_of(owner) };
    Ok(Outcome::new(Ok(ended))
        .event(&MfaEnabled(facts(None)))
        .event(&RecoveryCodesMade(facts(None)))
        .event(&SessionsEnded(facts(Some(format!("second factor enabled; {ended} other sessions ended")))))
        .events(mail))
}

/// Removes the factor of an owner that gives it once more.
pub fn deactivate(
    db: &mut Db,
    ctx: &Ctx,
    owner: &Owner,
    second_factor: &SecondFactorInput,
) -> Result<Outcome<Result<(), Refused>>, MfaError> {
    let user = owner.user_id;
    let held = held(db, ctx, owner)?;
    let Outcome { value, events } =
        verify_second_factor(db, ctx, user, Some(second_factor), owner.remote_addr.as_deref())?;
    match value {
        Ok(true) => {}
        Ok(false) => return Err(MfaError::NotFound),
        Err(refused) => return Ok(Outcome::new(Err(refused)).events(events)),
    }
    if !store::second_factors::delete_all(db, user)? {
        return Err(MfaError::NotFound);
    }
    let text = "Logins to your account ask for the password only from now on.";
    let mail = notice(db, ctx, &held, "Two-factor login is off", text)?;
    Ok(Outcome::new(Ok(())).events(events).event(&MfaDisabled(facts_of(owner))).events(mail))
}

/// Replaces the recovery codes by new ones.
pub fn renew_codes(db: &mut Db, ctx: &Ctx, owner: &Owner, codes: &[TokenHash]) -> Result<Outcome<()>, MfaError> {
    let held = held(db, ctx, owner)?;
    if !store::second_factors::is_active(db, owner.user_id)? {
        return Err(MfaError::NotFound);
    }
    store::second_factors::replace_codes(db, ctx, owner.user_id, codes)?;
    let text = "New recovery codes were made for your account; the old ones are void.";
    let mail = notice(db, ctx, &held, "New recovery codes", text)?;
    Ok(Outcome::new(()).event(&RecoveryCodesMade(facts_of(owner))).events(mail))
}

/// Removes the factor of a user that has lost it, as an administrator, and ends the user's sessions.
pub fn reset(db: &mut Db, ctx: &Ctx, id: UserId, expected: &Expected) -> Result<Outcome<User>, MfaError> {
    let user = store::users::find(db, id)?.ok_or(MfaError::NotFound)?;
    if !store::second_factors::is_active(db, id)? {
        return Err(MfaError::NotFound);
    }
    if !expected.accepts(user.version) {
        return Err(MfaError::Stale);
    }
    if !store::second_factors::delete_all(db, id)? {
        return Err(MfaError::NotFound);
    }
    let ended = revoke_credentials(db, ctx, id, Cause::Ended)?;
    let text = "An administrator has reset the second factor of your account. Logins ask for the password only until you set a new one up.";
    let mail = notice(db, ctx, &user, "Two-factor login was reset", text)?;
    Ok(Outcome::new(user)
        .event(&MfaDisabled(user_facts(id, Some("reset by an administrator".to_owned()))))
        .event(&SessionsEnded(user_facts(id, Some(format!("{ended} ended")))))
        .events(mail))
}

/// Locks the owner's row until the transaction ends; an error if its session has ended.
fn held(db: &mut Db, ctx: &Ctx, owner: &Owner) -> Result<User, MfaError> {
    let held = store::users::hold(db, owner.user_id)?.ok_or(MfaError::SessionEnded)?;
    if session_lives(db, ctx, owner.session_id)? { Ok(held) } else { Err(MfaError::SessionEnded) }
}

fn facts_of(owner: &Owner) -> SecurityFacts {
    session_facts(owner.user_id, owner.session_id, owner.remote_addr.clone())
}
