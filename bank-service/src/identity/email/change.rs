//! A user takes another address: confirmed at the new one within an hour, announced at the old one.

use shared_events::UserId;
use shared_events::events::{self, EmailChangeRequested, EmailChanged, SecurityFacts, UserUpdated};

use crate::domain::email::Email;
use crate::domain::one_time::{Cooldown, Purpose};
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::identity::IdentityService;
use crate::identity::email::proof::{VerifyEmail, VerifyEmailError, owner};
use crate::identity::email::{caps, mails};
use crate::identity::facts::user_facts;
use crate::identity::one_time::{self, Live, NewLink};
use crate::identity::origin::{Origin, Visit};
use crate::identity::sessions::session_lives;
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ChangeEmailError {
    #[error("there is no such user")]
    NotFound,
    #[error("it is the user's address already")]
    Same,
    #[error("one was sent a moment ago")]
    Cooldown(Cooldown),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(ChangeEmailError);

pub struct ChangeEmail {
    pub user_id: UserId,
    /// The requesting session.
    pub session_id: SessionId,
    pub email: Email,
    pub link: NewLink,
    pub visit: Visit,
    pub remote_addr: Option<String>,
}

/// Sends the link to the new address. If another user has that address, no link is sent and the answer is the same: the caller
/// does not learn which addresses exist here.
pub fn request_change(db: &mut Db, ctx: &Ctx, command: &ChangeEmail) -> Result<Outcome<()>, ChangeEmailError> {
    let user = store::users::find(db, command.user_id)?.ok_or(ChangeEmailError::NotFound)?;
    if user.email.as_str() == command.email.as_str() {
        return Err(ChangeEmailError::Same);
    }
    let mut secret = command.link.secret(user.id, command.email.as_str());
    secret.session_id = Some(command.session_id.to_string());
    one_time::issue(db, ctx, &secret)?.map_err(ChangeEmailError::Cooldown)?;
    let capped = caps::take(db, ctx, None, &command.email, &command.visit)?;
    capped.map_err(|until| ChangeEmailError::Cooldown(Cooldown::TooMany(until)))?;
    let holder = store::users::find_by_email(db, &command.email)?;
    let is_free = holder.is_none_or(|holder| holder.id == user.id);
    let to = command.email.masked();
    let facts =
        SecurityFacts { remote_addr: command.remote_addr.clone(), ..user_facts(user.id, Some(format!("to {to}"))) };
    let text = format!(
        "Somebody asked to change the e-mail address of your account to {to}. It stays as it is until that is confirmed there."
    );
    let mail = mails::notice(db, ctx, &user, "Your e-mail address is to be changed", &text)?;
    let mut outcome = Outcome::new(()).event(&EmailChangeRequested(facts)).events(mail);
    if is_free {
        outcome = outcome.event(&mails::verify_email(&command.email, &command.link.url, command.link.purpose));
    }
    Ok(outcome)
}

/// Redeems the link from the new address. Everything that was sent to the old one becomes void.
pub(in crate::identity) fn finish(
    db: &mut Db,
    ctx: &Ctx,
    live: &Live,
    command: &VerifyEmail,
) -> Result<Outcome<User>, VerifyEmailError> {
    let mut user = owner(db, live)?.ok_or(VerifyEmailError::Invalid)?;
    let email = Email::parse(&live.subject).map_err(|_| StoreError::Corrupt { what: "one_time_secrets.subject" })?;
    match store::users::replace_email(db, &user, &email, ctx.now) {
        Err(StoreError::UniqueViolation) => return Err(VerifyEmailError::Taken),
        replaced => written(replaced?)?,
    }
    one_time::void(db, ctx, user.id, &Purpose::OF_THE_ADDRESS)?;
    // Only a link redeemed in its requesting session shows that one person has both session and mailbox.
    let asker = live.session_id.as_ref().zip(command.session);
    if let Some((_, (holder, session))) = asker.filter(|(requested, (_, session))| **requested == session.to_string())
        && holder == user.id
        && session_lives(db, ctx, session)?
    {
        store::users::settle(db, user.id, ctx.now)?;
    }
    let remote_addr = command.remote_addr.clone();
    let text = format!("The e-mail address of your account is {} now.", email.masked());
    let mail = mails::notice(db, ctx, &user, "Your e-mail address was changed", &text)?;
    let former = std::mem::replace(&mut user.email, email);
    user.email_verified_on = Some(ctx.now);
    user.version += 1;
    let detail = format!("from {} to {}", former.masked(), user.email.masked());
    let facts = SecurityFacts { remote_addr, ..user_facts(user.id, Some(detail)) };
    let updated = UserUpdated(events::User::from(&user));
    Ok(Outcome::new(user).event(&updated).event(&EmailChanged(facts)).events(mail))
}

impl IdentityService {
    /// Sends a confirmation link to the user's new address.
    pub async fn change_email(
        &self,
        ctx: Ctx,
        (user_id, session_id): (UserId, SessionId),
        email: Email,
        origin: Origin,
    ) -> Result<(), ChangeEmailError> {
        let (link, visit) = (self.new_link(Purpose::EmailChange), self.visitor(&origin));
        let remote_addr = Some(origin.remote_addr);
        let command = ChangeEmail { user_id, session_id, email, link, visit, remote_addr };
        self.0.store.write(&ctx, move |db, ctx| request_change(db, ctx, &command)).await
    }
}
