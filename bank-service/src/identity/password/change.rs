//! Giving the password again, and changing it.

use service_kit::http::auth::AuthError;
use shared_events::UserId;
use shared_events::events::{LoginSucceeded, PasswordChanged, PasswordRehashed, SecurityFacts, SessionsEnded};

use crate::domain::password::Password;
use crate::domain::session::{FirstFactor, Grant, Proof, SessionId};
use crate::domain::user::CredentialVersion;
use crate::identity::IdentityService;
use crate::identity::email::mails;
use crate::identity::facts::{session_facts, user_facts};
use crate::identity::login::first_factor::{LogInError, LoginSubject};
use crate::identity::login::session::grant;
use crate::identity::origin::Origin;
use crate::identity::password::hashing::NewPasswordError;
use crate::identity::second_factor::verification::{Refused, SecondFactorInput, verify_second_factor};
use crate::identity::second_factor::{GivenFactor, SecondFactorError};
use crate::identity::tokens::{AccessToken, access_token};
use crate::identity::users::credentials::{Cause, revoke_credentials};
use crate::store::{self, Ctx, Db, Outcome, StoreError, users};

#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    #[error("the session has ended meanwhile")]
    SessionEnded,
    #[error("the password was changed meanwhile")]
    Stale,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(PasswordChangeError);

/// A right password. It has no `Debug`: it may hold password hashes.
pub struct Reauthenticate {
    pub user_id: UserId,
    pub session_id: SessionId,
    /// The credentials that it was proved under.
    pub credential_version: CredentialVersion,
    pub second_factor: Option<SecondFactorInput>,
    pub remote_addr: Option<String>,
    /// The hash that was checked and its replacement.
    pub rehash: Option<(String, String)>,
}

/// Makes a session fresh, unless the user has a second factor that was not given.
pub fn reauthenticate(
    db: &mut Db,
    ctx: &Ctx,
    command: &Reauthenticate,
) -> Result<Outcome<Result<Grant, Refused>>, PasswordChangeError> {
    let held = users::hold(db, command.user_id)?.ok_or(PasswordChangeError::SessionEnded)?;
    if held.credentials != command.credential_version {
        return Err(PasswordChangeError::Stale);
    }
    let remote_addr = command.remote_addr.as_deref();
    let Outcome { value, events } =
        verify_second_factor(db, ctx, command.user_id, command.second_factor.as_ref(), remote_addr)?;
    let second = match value {
        Ok(second) => second,
        Err(refused) => return Ok(Outcome::new(Err(refused)).events(events)),
    };
    let proof = Proof { first: FirstFactor::Password, second };
    if !store::sessions::reauthenticate(db, command.session_id, proof, ctx.now)? {
        return Err(PasswordChangeError::SessionEnded);
    }
    let session = store::sessions::find(db, command.session_id)?.ok_or(PasswordChangeError::SessionEnded)?;
    let user = users::find(db, command.user_id)?.ok_or(PasswordChangeError::SessionEnded)?;
    let facts = session_facts(user.id, session.id, command.remote_addr.clone());
    let facts = SecurityFacts { detail: Some("password given again".to_owned()), ..facts };
    let mut outcome = Outcome::new(grant(db, user, &session, true)?).events(events).event(&LoginSucceeded(facts));
    if let Some((old, new)) = &command.rehash
        && users::replace_password_hash(db, command.user_id, old, new)?
    {
        outcome = outcome.event(&PasswordRehashed(user_facts(command.user_id, None)));
    }
    Ok(outcome.map(Ok))
}

/// The existing password was right, or there was none. It has no `Debug`: it holds password hashes.
pub struct ChangePassword {
    pub user_id: UserId,
    /// The session that stays open.
    pub session_id: SessionId,
    /// The hash that the existing password was checked with; none if the user had no password.
    pub stored: Option<String>,
    pub new: String,
    pub remote_addr: Option<String>,
}

/// Sets another password, ends every other session and everything pending; gives how many sessions ended.
pub fn change_password(
    db: &mut Db,
    ctx: &Ctx,
    command: &ChangePassword,
) -> Result<Outcome<usize>, PasswordChangeError> {
    let id = command.user_id;
    let replaced = match &command.stored {
        Some(stored) => users::replace_password_hash(db, id, stored, &command.new)?,
        None => users::set_first_password_hash(db, id, &command.new)?,
    };
    let user = users::find(db, id)?.filter(|_| replaced).ok_or(PasswordChangeError::Stale)?;
    let ended = revoke_credentials(db, ctx, id, Cause::ChangedIn(command.session_id))?;
    let facts = |detail| SecurityFacts { detail, ..session_facts(id, command.session_id, command.remote_addr.clone()) };
    let text = "The password of your account was changed. Everybody else who was logged in has been logged out.";
    let mail = mails::notice(db, ctx, &user, "Your password was changed", text)?;
    Ok(Outcome::new(ended)
        .event(&PasswordChanged(facts(None)))
        .event(&SessionsEnded(facts(Some(format!("password changed; {ended} other sessions ended")))))
        .events(mail))
}

#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    #[error(transparent)]
    Existing(#[from] LogInError),
    #[error("the existing password is needed")]
    ExistingMissing,
    #[error(transparent)]
    New(#[from] NewPasswordError),
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorError),
    #[error("the session has ended meanwhile")]
    SessionEnded,
    #[error("the password was changed meanwhile")]
    Stale,
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<PasswordChangeError> for ChangePasswordError {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::SessionEnded => Self::SessionEnded,
            PasswordChangeError::Stale => Self::Stale,
            PasswordChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl IdentityService {
    /// Checks the password of a session's user, and the second factor where there is one, and makes the session fresh.
    pub async fn reauthenticate(
        &self,
        ctx: Ctx,
        (user_id, session_id): (UserId, SessionId),
        password: Option<Password>,
        second: Option<GivenFactor>,
        origin: Origin,
    ) -> Result<AccessToken, ChangePasswordError> {
        let subject = LoginSubject::Session(user_id, session_id);
        let verified = self.verify_password(&ctx, subject, password, &origin).await?;
        let remote_addr = Some(origin.remote_addr);
        let second_factor = self.resolve_factor(&ctx, user_id, second).await?;
        let credential_version = verified.version;
        let rehash = verified.rehash();
        let command = Reauthenticate { user_id, session_id, credential_version, second_factor, remote_addr, rehash };
        let granted = self.0.store.write(&ctx, move |db, ctx| reauthenticate(db, ctx, &command)).await?;
        let grant = granted.map_err(|refused| SecondFactorError::refused(refused, ctx.now))?;
        self.clear_session_failures(&ctx, session_id).await?;
        self.forget_session(session_id);
        Ok(AccessToken::new(access_token(&self.0.keys, &grant, self.0.clock.now())?, self.0.keys.token_lifetime()))
    }

    /// Checks the existing password, sets the new one, and ends every other session of the user. Without an existing one (the outer
    /// None) it is the first password of a user that has none, such as one registered through a provider.
    pub async fn change_password(
        &self,
        ctx: Ctx,
        (user_id, session_id): (UserId, SessionId),
        existing: Option<Option<Password>>,
        new: Password,
        origin: Origin,
    ) -> Result<usize, ChangePasswordError> {
        let stored = match existing {
            Some(existing) => Some(
                self.verify_password(&ctx, LoginSubject::Session(user_id, session_id), existing, &origin).await?.stored,
            ),
            None => self.without_password(user_id).await.map(|()| None)?,
        };
        let user = self.0.store.read(move |db| users::find(db, user_id)).await?;
        let user = user.ok_or(ChangePasswordError::SessionEnded)?;
        let new = self.0.passwords.hash(new, user.words()).await?;
        let remote_addr = Some(origin.remote_addr);
        let command = ChangePassword { user_id, session_id, stored, new, remote_addr };
        let ended = self.0.store.write(&ctx, move |db, ctx| change_password(db, ctx, &command)).await?;
        self.user_changed(user_id);
        Ok(ended)
    }

    async fn without_password(&self, user: UserId) -> Result<(), ChangePasswordError> {
        let known = self.0.store.read(move |db| users::credentials_of(db, user)).await?;
        match known.ok_or(ChangePasswordError::SessionEnded)?.password_hash {
            None => Ok(()),
            Some(_) => Err(ChangePasswordError::ExistingMissing),
        }
    }
}
