//! What is proved by reading an address's mail: the address itself, and the right to set another password.
//!
//! Links are made here, go into the mail's event, and are known by their hash from then on. The answer to a forgotten
//! password is the same for every address, and is held back so that its time tells nothing either.

use std::time::{Duration, Instant};

use service_kit::http::rate::RateLimit;
use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::identity::IdentityService;
use crate::identity::email::change::{ChangeEmail, ChangeEmailError, request_change};
use crate::identity::email::verification::{
    SendVerificationError, VerifyEmail, VerifyEmailError, address_of, is_confirmed, send_verification,
    send_verification_to, verify_email,
};
use crate::identity::login::Origin;
use crate::identity::one_time::secret::{Code, LinkSecret};
use crate::identity::one_time::{Guesses, NewLink};
use crate::identity::password::hashing::NewPasswordError;
use crate::identity::password::reset::{
    ForgotPassword, Reset, ResetPassword, ResetProof, forgot_password, reset_password,
};
use crate::store::{Ctx, Db, StoreError};

/// No answer to a forgotten password leaves earlier: longer than the work for any address takes, unless the machine is
/// overloaded.
const FORGOT_FLOOR: Duration = Duration::from_millis(100);

/// What somebody shows who wants to set another password.
pub enum ResetClaim {
    /// None if no link of ours can have the token.
    Link(Option<LinkSecret>),
    /// None where no user can have the address or the code.
    Code(Option<Email>, Option<Code>),
}

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("the link is not valid, was used, or has expired")]
    Link,
    #[error("the address and the code do not belong together")]
    Code,
    #[error(transparent)]
    New(#[from] NewPasswordError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl IdentityService {
    /// A new link for a mail.
    pub fn new_link(&self, purpose: Purpose) -> NewLink {
        self.0.links.make(purpose)
    }

    /// Forgotten passwords per remote address.
    pub fn forgot_limit(&self) -> &RateLimit {
        &self.0.forgotten
    }

    /// Sends the link that verifies the address once more.
    pub async fn send_verification(&self, ctx: Ctx, user: UserId, origin: Origin) -> Result<(), SendVerificationError> {
        let (link, visit) = (self.new_link(Purpose::EmailVerification), self.visitor(&origin));
        self.0.store.write(&ctx, move |db, ctx| send_verification(db, ctx, user, &link, &visit)).await
    }

    /// The same for an address, if it is that of a user who has not verified it. The answer is the same, at the same time.
    pub async fn send_verification_to(&self, ctx: Ctx, email: Option<Email>, origin: Origin) -> Result<(), StoreError> {
        let began = Instant::now();
        let (link, visit) = (self.new_link(Purpose::EmailVerification), self.visitor(&origin));
        let send = move |db: &mut Db, ctx: &Ctx| send_verification_to(db, ctx, email.as_ref(), &link, &visit);
        let done = self.0.store.write(&ctx, send).await;
        tokio::time::sleep(FORGOT_FLOOR.saturating_sub(began.elapsed())).await;
        done
    }

    /// Whether a link was used, or made void by another one that was, and its address is confirmed.
    pub async fn is_confirmed(&self, token: &LinkSecret) -> Result<bool, StoreError> {
        let links = [Purpose::EmailVerification, Purpose::EmailChange].map(|purpose| (purpose, token.hash(purpose)));
        self.0.store.read(move |db| is_confirmed(db, &links)).await
    }

    /// Whose password a link sets, if it is good: what password managers keep it under.
    pub async fn address_of_reset(&self, ctx: Ctx, token: &LinkSecret) -> Result<Option<String>, StoreError> {
        let links = [Purpose::PasswordResetLink, Purpose::Invitation].map(|purpose| (purpose, token.hash(purpose)));
        self.0.store.read(move |db| address_of(db, &ctx, &links)).await
    }

    /// Takes the token of a link that verifies an address, be it the user's or a new one; in a session, if it comes in one.
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

    /// Asks a new address whether it wants to be the user's.
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

    /// Sends a link and a code to an address, if it is a user's.
    pub async fn forgot_password(&self, ctx: Ctx, email: Option<Email>, origin: Origin) -> Result<(), StoreError> {
        let began = Instant::now();
        let command = ForgotPassword {
            email,
            link: self.new_link(Purpose::PasswordResetLink),
            code: Code::for_mail(),
            vault: self.shared_vault(),
            visit: self.visitor(&origin),
            remote_addr: Some(origin.remote_addr),
        };
        let done = self.0.store.write(&ctx, move |db, ctx| forgot_password(db, ctx, &command)).await;
        tokio::time::sleep(FORGOT_FLOOR.saturating_sub(began.elapsed())).await;
        done
    }

    /// Sets another password for whoever reads the address's mail. The hash is made first, whatever the claim is worth, so
    /// that the time of a refusal tells nothing.
    pub async fn reset_password(
        &self,
        ctx: Ctx,
        claim: ResetClaim,
        password: Password,
        origin: Origin,
    ) -> Result<(), ResetError> {
        let (proof, refusal, words) = match claim {
            ResetClaim::Link(token) => {
                let token = token.ok_or(ResetError::Link)?;
                let (reset, invitation) = (token.hash(Purpose::PasswordResetLink), token.hash(Purpose::Invitation));
                (ResetProof::Link { reset, invitation }, ResetError::Link, Vec::new())
            }
            ResetClaim::Code(email, code) => {
                let words = email.as_ref().map(Email::words).unwrap_or_default();
                let guesses = Guesses::new(self.shared_vault(), origin.address);
                (ResetProof::Code { email, code, guesses }, ResetError::Code, words)
            }
        };
        let password_hash = self.0.passwords.hash(password, words).await?;
        let command = ResetPassword { proof, password_hash, remote_addr: Some(origin.remote_addr) };
        match self.0.store.write(&ctx, move |db, ctx| reset_password(db, ctx, &command)).await? {
            Reset::Done(user) => {
                self.user_changed(user);
                Ok(())
            }
            Reset::Refused => Err(refusal),
        }
    }
}
