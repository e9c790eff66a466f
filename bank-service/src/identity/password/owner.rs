//! What the owner of a session does with the password: give it again, or change it.

use service_kit::http::auth::AuthError;
use shared_events::UserId;

use crate::domain::password::Password;
use crate::domain::session::SessionId;
use crate::identity::IdentityService;
use crate::identity::login::{LogInError, LoginSubject, Origin};
use crate::identity::password::change::{
    ChangePassword, PasswordChangeError, Reauthenticate, change_password, reauthenticate,
};
use crate::identity::password::hashing::NewPasswordError;
use crate::identity::second_factor::{GivenFactor, SecondFactorError};
use crate::identity::tokens::{AccessToken, access_token};
use crate::store::{Ctx, StoreError, users};

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

    /// Checks the existing password, sets the new one, and ends every other session of the user. Without an existing one
    /// (the outer None) it is the first password of a user who has none, such as one who came by another provider.
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
