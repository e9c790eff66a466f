//! A user proves its address: a link is sent there, and comes back.

use shared_events::UserId;
use shared_events::events::{self, EmailVerified, SecurityFacts, UserUpdated};

use super::one_time::{self, Live, NewLink};
use super::register::{RegisterError, RegisterUser, register};
use super::{mails, user_facts};
use crate::domain::email::Email;
use crate::domain::one_time::{NotYet, Purpose, SecretHash};
use crate::domain::user::User;
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// Registers a user and asks it to prove its address.
pub fn register_to_verify(
    db: &mut Db,
    ctx: &Ctx,
    command: &RegisterUser,
    link: &NewLink,
) -> Result<Outcome<User>, RegisterError> {
    let outcome = register(db, ctx, command)?;
    let (user, email) = (outcome.value.id, &command.email);
    // Nothing was sent to a user who has just come to be.
    if one_time::issue(db, ctx, &link.secret(user, email.as_str()))?.is_err() {
        return Err(StoreError::Corrupt { what: "a new user's secrets" }.into());
    }
    Ok(outcome.event(&mails::verify_email(email, &link.url, link.purpose)))
}

#[derive(Debug, thiserror::Error)]
pub enum SendVerificationError {
    #[error("there is no such user")]
    NotFound,
    #[error("the address is verified")]
    Verified,
    #[error("one was sent a moment ago")]
    NotYet(NotYet),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(SendVerificationError);

/// Sends the link once more; the one before is void with it.
pub fn send_verification(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    link: &NewLink,
) -> Result<Outcome<()>, SendVerificationError> {
    let user = store::users::find(db, user)?.ok_or(SendVerificationError::NotFound)?;
    if user.email_verified_on.is_some() {
        return Err(SendVerificationError::Verified);
    }
    one_time::issue(db, ctx, &link.secret(user.id, user.email.as_str()))?.map_err(SendVerificationError::NotYet)?;
    Ok(Outcome::new(()).event(&mails::verify_email(&user.email, &link.url, link.purpose)))
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyEmailError {
    #[error("the link is not valid, was used, or has expired")]
    Invalid,
    #[error("the address is another user's by now")]
    Taken,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(VerifyEmailError);

/// The two kinds of link that prove an address, of one token.
pub struct VerifyEmail {
    pub verification: SecretHash,
    pub change: SecretHash,
    pub remote_addr: Option<String>,
}

/// A link came back: the address that it was sent to is the user's.
pub fn verify_email(db: &mut Db, ctx: &Ctx, command: &VerifyEmail) -> Result<Outcome<User>, VerifyEmailError> {
    if let Some(live) = one_time::redeem_link(db, ctx, Purpose::EmailVerification, &command.verification)? {
        let user = owner(db, &live)?.ok_or(VerifyEmailError::Invalid)?;
        if !proves(&live, &user) {
            return Err(VerifyEmailError::Invalid);
        }
        return Ok(mark_verified(db, ctx, user, command.remote_addr.clone())?);
    }
    let live = one_time::redeem_link(db, ctx, Purpose::EmailChange, &command.change)?;
    let live = live.ok_or(VerifyEmailError::Invalid)?;
    super::email_change::finish(db, ctx, &live, command.remote_addr.clone())
}

/// The user that a secret was given to.
pub(super) fn owner(db: &mut Db, live: &Live) -> Result<Option<User>, StoreError> {
    live.user_id.map_or(Ok(None), |id| store::users::find(db, id))
}

/// Whether a link was sent to the address that the user has now.
pub(super) fn proves(live: &Live, user: &User) -> bool {
    Email::parse(&live.subject).is_ok_and(|sent_to| sent_to.normalized() == user.email.normalized())
}

/// Notes that the user's address is its own; gives the user as it is then.
pub(super) fn mark_verified(
    db: &mut Db,
    ctx: &Ctx,
    mut user: User,
    remote_addr: Option<String>,
) -> Result<Outcome<User>, StoreError> {
    if user.email_verified_on.is_some() {
        return Ok(Outcome::new(user));
    }
    written(store::users::mark_email_verified(db, user.id, &user.email, ctx.now)?)?;
    user.email_verified_on = Some(ctx.now);
    user.version += 1;
    let facts = SecurityFacts { remote_addr, ..user_facts(user.id, None) };
    let updated = UserUpdated(events::User::from(&user));
    Ok(Outcome::new(user).event(&updated).event(&EmailVerified(facts)))
}
