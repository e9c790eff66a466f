//! A user proves its address: a link is sent there, and comes back.

use shared_events::UserId;
use shared_events::events::{self, EmailVerified, SecurityFacts, UserUpdated};

use crate::domain::email::Email;
use crate::domain::one_time::{Cooldown, Purpose, SecretHash};
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::identity::email::caps::{self, Unasked, take_unasked};
use crate::identity::email::mails;
use crate::identity::facts::user_facts;
use crate::identity::login::throttle::Visit;
use crate::identity::one_time::{self, Live, NewLink};
use crate::identity::sessions::session_lives;
use crate::identity::users::register::{RegisterError, RegisterUser, register};
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, Outcome, PendingEvent, StoreError};

/// Registers a user and asks it to prove its address.
pub fn register_to_verify(
    db: &mut Db,
    ctx: &Ctx,
    command: &RegisterUser,
    link: &NewLink,
) -> Result<Outcome<User>, RegisterError> {
    let outcome = register(db, ctx, command)?;
    let mail = request_verification(db, ctx, &outcome.value, link)?;
    Ok(outcome.events(mail))
}

/// The mail that asks a new user to prove its address; none if the address was sent too many today. The user can ask for it.
pub(in crate::identity) fn request_verification(
    db: &mut Db,
    ctx: &Ctx,
    user: &User,
    link: &NewLink,
) -> Result<Option<PendingEvent>, StoreError> {
    // Before the link is kept: one that is not sent must not hold up the next.
    if !take_unasked(db, ctx, &user.email, Unasked::Registration)? {
        return Ok(None);
    }
    // Nothing was sent to a user who has just come to be.
    if one_time::issue(db, ctx, &link.secret(user.id, user.email.as_str()))?.is_err() {
        return Err(StoreError::Corrupt { what: "a new user's secrets" });
    }
    Ok(Some(PendingEvent::new(&mails::verify_email(&user.email, &link.url, link.purpose))))
}

#[derive(Debug, thiserror::Error)]
pub enum SendVerificationError {
    #[error("there is no such user")]
    NotFound,
    #[error("the address is verified")]
    Verified,
    #[error("one was sent a moment ago")]
    Cooldown(Cooldown),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(SendVerificationError);

/// Sends the link once more; the two before it stay good until one is used.
pub fn send_verification(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    link: &NewLink,
    visit: &Visit,
) -> Result<Outcome<()>, SendVerificationError> {
    let user = store::users::find(db, user)?.ok_or(SendVerificationError::NotFound)?;
    if user.email_verified_on.is_some() {
        return Err(SendVerificationError::Verified);
    }
    one_time::issue(db, ctx, &link.secret(user.id, user.email.as_str()))?.map_err(SendVerificationError::Cooldown)?;
    let capped = caps::take(db, ctx, None, &user.email, visit)?;
    capped.map_err(|until| SendVerificationError::Cooldown(Cooldown::TooMany(until)))?;
    Ok(Outcome::new(()).event(&mails::verify_email(&user.email, &link.url, link.purpose)))
}

/// The same for an address that somebody names, who gets the same answer whatever comes of it.
pub fn send_verification_to(
    db: &mut Db,
    ctx: &Ctx,
    email: Option<&Email>,
    link: &NewLink,
    visit: &Visit,
) -> Result<Outcome<()>, StoreError> {
    let user = email.map_or(Ok(None), |email| store::users::id_of(db, email))?;
    let user = user.map_or(Ok(None), |id| store::users::find(db, id))?.filter(|user| !user.is_blocked);
    let Some(user) = user else { return Ok(Outcome::new(())) };
    match send_verification(db, ctx, user.id, link, visit) {
        Ok(sent) => Ok(sent),
        Err(SendVerificationError::Store(error)) => Err(error),
        Err(_) => Ok(Outcome::new(())),
    }
}

/// Whether a link that is of no more use has done what it was for: its address is its user's, and proved.
pub fn is_confirmed(db: &mut Db, links: &[(Purpose, SecretHash)]) -> Result<bool, StoreError> {
    for (purpose, hash) in links {
        let Some(spent) = store::one_time_secrets::find_spent(db, *purpose, hash)? else { continue };
        let user = owner(db, &spent)?.filter(|user| user.email_verified_on.is_some());
        return Ok(user.is_some_and(|user| matches_address(&spent, &user)));
    }
    Ok(false)
}

/// The address that a link which is still good was sent to.
pub fn address_of(db: &mut Db, ctx: &Ctx, links: &[(Purpose, SecretHash)]) -> Result<Option<String>, StoreError> {
    for (purpose, hash) in links {
        if let Some(live) = one_time::find(db, ctx, *purpose, hash)? {
            return Ok(Some(live.subject));
        }
    }
    Ok(None)
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
    /// The session in which the link comes back, if it does in one.
    pub session: Option<(UserId, SessionId)>,
    pub remote_addr: Option<String>,
}

/// A link came back: the address that it was sent to is the user's. It ends nothing; in a session of the account it shows that
/// its holder reads the mail.
pub fn verify_email(db: &mut Db, ctx: &Ctx, command: &VerifyEmail) -> Result<Outcome<User>, VerifyEmailError> {
    if let Some(live) = one_time::redeem_link(db, ctx, Purpose::EmailVerification, &command.verification)? {
        let user = owner(db, &live)?.ok_or(VerifyEmailError::Invalid)?;
        if !matches_address(&live, &user) {
            return Err(VerifyEmailError::Invalid);
        }
        if let Some((holder, session)) = command.session
            && holder == user.id
            && session_lives(db, ctx, session)?
        {
            store::users::settle(db, user.id, ctx.now)?;
        }
        return Ok(mark_verified(db, ctx, user, command.remote_addr.clone())?);
    }
    let live = one_time::redeem_link(db, ctx, Purpose::EmailChange, &command.change)?;
    let live = live.ok_or(VerifyEmailError::Invalid)?;
    super::change::finish(db, ctx, &live, command)
}

/// The user that a secret was given to, unless it is blocked.
pub(in crate::identity) fn owner(db: &mut Db, live: &Live) -> Result<Option<User>, StoreError> {
    let user = live.user_id.map_or(Ok(None), |id| store::users::find(db, id))?;
    Ok(user.filter(|user| !user.is_blocked))
}

/// Whether a link was sent to the address that the user has now.
pub(in crate::identity) fn matches_address(live: &Live, user: &User) -> bool {
    Email::parse(&live.subject).is_ok_and(|sent_to| sent_to.normalized() == user.email.normalized())
}

/// Notes that the user's address is its own; gives the user as it is then.
pub(in crate::identity) fn mark_verified(
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
