//! A user proves its address by redeeming a link that was sent there.

use std::time::Instant;

use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::one_time::{Cooldown, Purpose, SecretHash};
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::identity::IdentityService;
use crate::identity::email::caps::{self, Unasked, take_unasked};
use crate::identity::email::links::FORGOT_FLOOR;
use crate::identity::email::mails;
use crate::identity::email::proof::{VerifyEmail, VerifyEmailError, mark_verified, matches_address, owner};
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::one_time::{self, NewLink};
use crate::identity::origin::{Origin, Visit};
use crate::identity::sessions::session_lives;
use crate::identity::users::register::{RegisterError, RegisterUser, register};
use crate::store::{self, Ctx, Db, Outcome, PendingEvent, StoreError};

/// Registers a user and sends the link that proves its address.
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

/// The mail with a new user's link; none if the address has got too many today. The user can request it later.
pub(in crate::identity) fn request_verification(
    db: &mut Db,
    ctx: &Ctx,
    user: &User,
    link: &NewLink,
) -> Result<Option<PendingEvent>, StoreError> {
    // Before the link is stored: an unsent link must not hold up the next.
    if !take_unasked(db, ctx, &user.email, Unasked::Registration)? {
        return Ok(None);
    }
    // A new user cannot be in a cooldown.
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

/// The same for an address from the request; every caller gets the same answer.
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

/// Whether a used or void link has served its purpose: its user has the address, and it is proved.
pub fn is_confirmed(db: &mut Db, links: &[(Purpose, SecretHash)]) -> Result<bool, StoreError> {
    for (purpose, hash) in links {
        let Some(spent) = store::one_time_secrets::find_spent(db, *purpose, hash)? else { continue };
        let user = owner(db, &spent)?.filter(|user| user.email_verified_on.is_some());
        return Ok(user.is_some_and(|user| matches_address(&spent, &user)));
    }
    Ok(false)
}

/// The address that a live link was sent to.
pub fn address_of(db: &mut Db, ctx: &Ctx, links: &[(Purpose, SecretHash)]) -> Result<Option<String>, StoreError> {
    for (purpose, hash) in links {
        if let Some(live) = one_time::find(db, ctx, *purpose, hash)? {
            return Ok(Some(live.subject));
        }
    }
    Ok(None)
}

/// Redeems a link: the address that it was sent to is proved. It ends no session; in a session of the account it shows that the
/// session's holder reads the mail.
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

impl IdentityService {
    /// Sends the link that verifies the address once more.
    pub async fn send_verification(&self, ctx: Ctx, user: UserId, origin: Origin) -> Result<(), SendVerificationError> {
        let (link, visit) = (self.new_link(Purpose::EmailVerification), self.visitor(&origin));
        self.0.store.write(&ctx, move |db, ctx| send_verification(db, ctx, user, &link, &visit)).await
    }

    /// The same for an address, if its user has not verified it. The answer is the same, at the same time.
    pub async fn send_verification_to(&self, ctx: Ctx, email: Option<Email>, origin: Origin) -> Result<(), StoreError> {
        let began = Instant::now();
        let (link, visit) = (self.new_link(Purpose::EmailVerification), self.visitor(&origin));
        let send = move |db: &mut Db, ctx: &Ctx| send_verification_to(db, ctx, email.as_ref(), &link, &visit);
        let done = self.0.store.write(&ctx, send).await;
        tokio::time::sleep(FORGOT_FLOOR.saturating_sub(began.elapsed())).await;
        done
    }

    /// Whether a link was used, or voided by another link, and its address is confirmed.
    pub async fn is_confirmed(&self, token: &LinkSecret) -> Result<bool, StoreError> {
        let links = [Purpose::EmailVerification, Purpose::EmailChange].map(|purpose| (purpose, token.hash(purpose)));
        self.0.store.read(move |db| is_confirmed(db, &links)).await
    }

    /// Redeems the token of a link that verifies the user's present or new address, in a session if the request has one.
    pub async fn verify_email(
        &self,
        ctx: Ctx,
        token: Option<LinkSecret>,
        session: Option<(UserId, SessionId)>,
        origin: Origin,
    ) -> Result<User, VerifyEmailError> {
        let token = token.ok_or(VerifyEmailError::Invalid)?;
        let command = VerifyEmail {
            verification: token.hash(Purpose::EmailVerification),
            change: token.hash(Purpose::EmailChange),
            session,
            remote_addr: Some(origin.remote_addr),
        };
        self.0.store.write(&ctx, move |db, ctx| verify_email(db, ctx, &command)).await
    }
}
