//! The password as the first factor of a login, or given again in a session.
//!
//! The answer is the same, after the same work, for an unknown address, a wrong password and a throttled login; a block shows
//! only where the password is right. The hashing slot is taken before the account is read, so that parallel guesses cannot
//! outrun the delay after failures.

use service_kit::http::auth::AuthError;
use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::session::SessionId;
use crate::domain::user::CredentialVersion;
use crate::identity::IdentityService;
use crate::identity::login::session::{OpenSessionError, Refusal, RefuseLogin, refuse_login};
use crate::identity::login::throttle::{AccountKeys, LoginThrottle, login_throttle, session_key, session_throttle};
use crate::identity::origin::Origin;
use crate::identity::password::hashing::{HashPermit, HashingError, PasswordCheck};
use crate::store::users::{Credentials, credentials, credentials_of};
use crate::store::{Ctx, Db, Outcome, StoreError, counters};

#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    #[error("the address and the password do not belong together")]
    InvalidCredentials,
    #[error("the user is blocked")]
    Blocked,
    #[error("the console is for staff, and the user is none")]
    NotStaff,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<OpenSessionError> for LogInError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::Blocked => Self::Blocked,
            OpenSessionError::NotStaff => Self::NotStaff,
            OpenSessionError::Gone | OpenSessionError::Outdated => Self::InvalidCredentials,
            OpenSessionError::Store(error) => Self::Store(error),
        }
    }
}

/// The claimed owner of the password.
pub(in crate::identity) enum LoginSubject {
    /// The user of this address; none if the address is invalid.
    Address(Option<Email>),
    /// The user of a session, whose token was checked.
    Session(UserId, SessionId),
}

/// A right password: its user, the hash it was checked with, and the hash to store instead.
pub(in crate::identity) struct VerifiedPassword {
    pub(in crate::identity) user_id: UserId,
    pub(in crate::identity) version: CredentialVersion,
    pub(in crate::identity) stored: String,
    pub(in crate::identity) renewed: Option<String>,
}

impl VerifiedPassword {
    /// The hash that was checked and its replacement.
    pub(in crate::identity) fn rehash(self) -> Option<(String, String)> {
        self.renewed.map(|renewed| (self.stored, renewed))
    }
}

impl IdentityService {
    /// Checks a password; every failure goes on record.
    pub(in crate::identity) async fn verify_password(
        &self,
        ctx: &Ctx,
        subject: LoginSubject,
        password: Option<Password>,
        origin: &Origin,
    ) -> Result<VerifiedPassword, LogInError> {
        let permit = self.0.passwords.permit().await?;
        let (known, throttle) = self.load_credentials(ctx, subject, origin).await?;
        let (outcome, _permit) = self.compare_password(permit, password, known, throttle.is_closed).await?;
        let (user_id, refusal) = match outcome {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        // The slot is held until the failure is on record.
        let remote_addr = Some(origin.remote_addr.clone());
        let command = RefuseLogin { user_id, refusal, remote_addr, counted_on: throttle.counted_on };
        // The login has waited for a core and the hash; the delay begins now.
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        self.0.store.write(&ctx, move |db, ctx| refuse_login(db, ctx, &command)).await?;
        Err(if refusal == Refusal::Blocked { LogInError::Blocked } else { LogInError::InvalidCredentials })
    }

    /// Reads the stored hash, and the counter of wrong passwords.
    async fn load_credentials(
        &self,
        ctx: &Ctx,
        subject: LoginSubject,
        origin: &Origin,
    ) -> Result<(Option<Credentials>, LoginThrottle), StoreError> {
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        match subject {
            LoginSubject::Address(email) => {
                let visit = self.visitor(origin);
                let email_key = email.as_ref().map(Email::normalized).unwrap_or_default();
                let keys = AccountKeys::new(&self.0.vault, &email_key, &visit.network);
                let read = move |db: &mut Db| {
                    let known = email.map_or(Ok(None), |email| credentials(db, &email))?;
                    let user = known.as_ref().map(|known| known.user_id);
                    Ok::<_, StoreError>((known, login_throttle(db, &ctx, user, keys, &visit)?))
                };
                self.0.store.read(read).await
            }
            LoginSubject::Session(user, session) => {
                let key = session_key(&self.0.vault, session);
                let read = move |db: &mut Db| {
                    Ok::<_, StoreError>((credentials_of(db, user)?, session_throttle(db, &ctx, key)?))
                };
                self.0.store.read(read).await
            }
        }
    }

    async fn compare_password(
        &self,
        permit: HashPermit,
        password: Option<Password>,
        known: Option<Credentials>,
        is_closed: bool,
    ) -> Result<(Result<VerifiedPassword, (Option<UserId>, Refusal)>, HashPermit), LogInError> {
        let stored = known.as_ref().filter(|_| !is_closed).and_then(|user| user.password_hash.clone());
        let (checked, permit) = self.0.passwords.verify(permit, password, stored).await?;
        if is_closed {
            return Ok((Err((known.map(|user| user.user_id), Refusal::SlowedDown)), permit));
        }
        let Some(user) = known else { return Ok((Err((None, Refusal::UnknownAddress)), permit)) };
        let refused = |refusal| Err((Some(user.user_id), refusal));
        let stored = user.password_hash.clone().unwrap_or_default();
        let verified = |renewed| Ok(VerifiedPassword { user_id: user.user_id, version: user.version, stored, renewed });
        let outcome = match checked {
            PasswordCheck::Wrong => refused(Refusal::WrongPassword),
            _ if user.is_blocked => refused(Refusal::Blocked),
            PasswordCheck::Right => verified(None),
            PasswordCheck::RightRehashed(renewed) => verified(Some(renewed)),
        };
        Ok((outcome, permit))
    }

    /// Clears the wrong passwords of a session.
    pub(in crate::identity) async fn clear_session_failures(
        &self,
        ctx: &Ctx,
        session: SessionId,
    ) -> Result<(), StoreError> {
        let key = session_key(&self.0.vault, session);
        let clear = move |db: &mut Db, _: &Ctx| counters::clear(db, std::slice::from_ref(&key)).map(Outcome::new);
        self.0.store.write(ctx, clear).await
    }
}
