//! The first administrator, made from the command line.

use service_kit::config::Secret;
use shared_events::UserId;

use super::register::{RegisterError, RegisterUser, register};
use super::users::{ChangeUserError, UpdateUser, update_user};
use crate::domain::email::{Email, EmailError};
use crate::domain::password::{Password, PasswordError};
use crate::domain::role::ADMIN;
use crate::domain::user::Profile;
use crate::domain::version::Expected;
use crate::operations::errors::written;
use crate::security::{NewPasswordError, Security};
use crate::store::{self, Ctx, Db, OperationError, Outcome, Store, StoreError};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminOutcome {
    Created(UserId),
    /// The user was there, and keeps its password.
    Promoted(UserId),
    Unchanged(UserId),
}

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("the e-mail address {0}")]
    Email(#[from] EmailError),
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    #[error("the password {0}")]
    NewPassword(#[from] NewPasswordError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Change(#[from] ChangeUserError),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl OperationError for AdminError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Register(error) => error.store_error(),
            Self::Change(error) => error.store_error(),
            Self::Store(error) => Some(error),
            Self::Email(_) | Self::Password(_) | Self::NewPassword(_) => None,
        }
    }
}

/// Makes an administrator: a new user, or the one who has the address. Doing it twice is doing it once.
pub async fn ensure_admin(
    store: &Store,
    security: &Security,
    ctx: &Ctx,
    email: &str,
    password: &Secret,
) -> Result<AdminOutcome, AdminError> {
    let email = Email::parse(email)?;
    let password = Password::parse(password.expose())?;
    let password_hash = security.passwords().hash(password, email.words()).await?;
    let command = RegisterUser {
        email,
        password_hash: Some(password_hash),
        profile: Profile::default(),
        roles: vec![ADMIN.to_owned()],
    };
    let outcome = store.write(ctx, move |db, ctx| create_or_promote(db, ctx, &command)).await?;
    if let AdminOutcome::Promoted(user) = outcome {
        security.user_changed(user);
    }
    Ok(outcome)
}

fn create_or_promote(db: &mut Db, ctx: &Ctx, command: &RegisterUser) -> Result<Outcome<AdminOutcome>, AdminError> {
    let Some(user) = store::users::find_by_email(db, &command.email)? else {
        let created = register(db, ctx, command)?;
        // Who runs this command answers for the address.
        written(store::users::mark_email_verified(db, created.value.id, &command.email, ctx.now)?)?;
        return Ok(created.map(|user| AdminOutcome::Created(user.id)));
    };
    if !user.is_blocked && user.roles.iter().any(|role| role == ADMIN) {
        return Ok(Outcome::new(AdminOutcome::Unchanged(user.id)));
    }
    let mut roles = user.roles;
    roles.push(ADMIN.to_owned());
    let promotion = UpdateUser { roles: Some(roles), is_blocked: Some(false), expected: Expected::any() };
    Ok(update_user(db, ctx, user.id, &promotion)?.map(|user| AdminOutcome::Promoted(user.id)))
}
